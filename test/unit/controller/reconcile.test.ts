import { expect } from 'chai'
import { forgive } from '../../../controller/ledger.ts'
import { failuresOf, hasFailed, isGivenUp, SOAK_MS } from '../../../controller/policy.ts'
import { nextDeadline } from '../../../controller/reconcile.ts'
import type { Action, Desired } from '../../../controller/state.ts'
import { deploymentId, type ReplicaId } from '../../../shared/ids.ts'
import { base, cart, running, wanting, World } from '../../helpers/world.ts'

describe('reconcile', () => {
  it('starts the replicas that are missing', () => {
    const world = new World()
    world.reconcile(wanting({ targetReplicas: 2, version: 'v1', config: 'c1' }))
    expect(world.in('starting')).to.have.length(2)
  })

  it('starts a successor at once after a first death, and later after a second', () => {
    const world = new World()
    const desired = wanting({ targetReplicas: 1, version: 'v1', config: 'c1' })
    world.reconcile(desired)
    world.running(world.replicas[0]!)
    world.exited(world.replicas[0]!)
    world.reconcile(desired)
    expect(world.in('starting')).to.have.length(1)
    world.exited(world.replicas[0]!)
    world.reconcile(desired)
    expect(world.replicas).to.have.length(0)
    world.now += 200
    world.reconcile(desired)
    expect(world.in('starting')).to.have.length(1)
  })

  it('starts a successor of a good version at once whenever the one that died had lived for longer than the delay', () => {
    const world = new World()
    const desired = wanting({ targetReplicas: 1, version: 'v1', config: 'c1' })
    const livesFor = (ms: number) => {
      world.reconcile(desired)
      world.running(world.in('starting')[0]!)
      world.reconcile(desired)
      world.now += ms
      world.exited(world.replicas[0]!)
      world.reconcile(desired)
      return world.in('starting').length
    }
    for (let i = 0; i < 10; i += 1) expect(livesFor(300)).to.equal(1)
    expect(livesFor(100)).to.equal(0)
    world.now += 100
    expect(livesFor(100)).to.equal(0)
    world.now += 299
    world.reconcile(desired)
    expect(world.in('starting')).to.have.length(0)
    world.now += 1
    expect(livesFor(600)).to.equal(0)
    world.now += 200
    expect(livesFor(2000)).to.equal(1)
  })

  it('forgets failures once a replica has lived for a minute', () => {
    const world = new World()
    const desired = wanting({ targetReplicas: 1, version: 'v1', config: 'c1' })
    for (let i = 0; i < 4; i += 1) {
      world.reconcile(desired)
      world.running(world.replicas[0]!)
      world.now += 61_000
      world.exited(world.replicas[0]!)
    }
    world.reconcile(desired)
    expect(world.in('starting')).to.have.length(1)
  })

  it('gives a deployment up after so many failed starts, and tries again when another version is wanted', () => {
    const world = new World()
    const desired = wanting({ targetReplicas: 1, version: 'v1', config: 'c1' })
    for (let i = 0; i < 20; i += 1) {
      world.reconcile(desired)
      for (const replica of world.in('starting')) world.failed(replica)
      for (const replica of world.in('failed')) world.exited(replica)
      world.now += 60_000
    }
    expect(world.ids).to.have.length(3)
    expect(isGivenUp(desired.get(cart)!, world.observed.get(cart)!)).to.equal(true)
    world.reconcile(wanting({ targetReplicas: 1, version: 'v2', config: 'c1' }))
    expect(world.in('starting')).to.have.length(1)
  })

  it('never gives up a version of which a replica ever ran', () => {
    const world = new World()
    const desired = wanting({ targetReplicas: 1, version: 'v1', config: 'c1' })
    world.reconcile(desired)
    world.running(world.replicas[0]!)
    world.exited(world.replicas[0]!)
    for (let i = 0; i < 10; i += 1) {
      world.now += 60_000
      world.reconcile(desired)
      world.failed(world.replicas[0]!)
      world.exited(world.replicas[0]!)
    }
    world.now += 60_000
    world.reconcile(desired)
    expect(world.in('starting')).to.have.length(1)
  })

  it('kills a replica that is not ready in time', () => {
    const world = new World()
    const desired = wanting({ targetReplicas: 1, version: 'v1', config: 'c1' })
    world.reconcile(desired)
    world.now += base.startTimeoutMs
    expect(world.reconcile(desired).map((action) => action.do)).to.deep.equal(['kill'])
    world.exited(world.in('killed')[0]!)
    expect(world.reconcile(desired).map((action) => action.do)).to.deep.equal(['spawn'])
  })

  it('starts only what fits, says so once, and starts the rest when there is room', () => {
    const world = new World()
    world.cpus = 2
    const desired: Desired = new Map([[cart, { ...base, targetReplicas: 10, resources: { CPU: 0.3 } }]])
    const actions = world.reconcile(desired)
    expect(world.in('starting')).to.have.length(6)
    expect(actions.at(-1)).to.deep.equal({ do: 'wait', deployment: cart, replicas: 4 })
    expect(world.reconcile(desired)).to.deep.equal([])
    world.cpus = 3
    world.reconcile(desired)
    expect(world.in('starting')).to.have.length(10)
  })

  it('gives the room of what is updated or leaves to nobody but its successors', () => {
    const till = deploymentId({ application: 'shop', deployment: 'till' })
    const world = new World()
    world.cpus = 1
    const want = (version: string): Desired => {
      const one = { ...base, targetReplicas: 1 }
      // Whoever comes first in the map chooses first.
      return new Map([...(version === 'v1' ? [] : [[till, one] as const]), [cart, { ...one, version }]])
    }
    world.reconcile(want('v1'))
    world.running(world.replicas[0]!)
    world.now += SOAK_MS
    world.reconcile(want('v2'))
    expect(world.replicas.map(({ version }) => version)).to.deep.equal(['v1', 'v2'])
    world.reconcile(new Map([[till, { ...base, targetReplicas: 1 }]]))
    expect(world.replicas.map(({ phase }) => phase.name)).to.deep.equal(['draining', 'draining'])
    expect(world.observed.get(till)?.replicas.size).to.equal(0)
    for (const replica of world.replicas) world.exited(replica)
    world.reconcile(new Map([[till, { ...base, targetReplicas: 1 }]]))
    expect(world.observed.get(till)?.replicas.size).to.equal(1)
  })

  it('starts no more than may be on one machine', () => {
    const world = new World()
    const actions = world.reconcile(new Map([[cart, { ...base, targetReplicas: 5, maxReplicas: 2 }]]))
    expect(world.in('starting')).to.have.length(2)
    expect(actions.at(-1)).to.deep.equal({ do: 'wait', deployment: cart, replicas: 3 })
  })

  it('fills one CPU with ten shares of 0.1', () => {
    const world = new World()
    world.cpus = 1
    world.reconcile(new Map([[cart, { ...base, targetReplicas: 10, resources: { CPU: 0.1 } }]]))
    expect(world.in('starting')).to.have.length(10)
  })

  it('replaces an old version in batches: successors first, and the old ones once the first of these have proved themselves', () => {
    const want = (version: string): Desired => wanting({ targetReplicas: 4, surge: 2, version })
    const world = running(want('v1'))
    const turn = (): string => {
      const actions = world.reconcile(want('v2')).map((action) => action.do)
      for (const replica of world.in('starting')) world.running(replica)
      expect(world.in('running').length).to.be.at.least(4)
      for (const replica of world.in('draining')) world.exited(replica)
      return actions.join(' ')
    }
    const first = turn()
    world.now += SOAK_MS - 1
    const early = turn()
    world.now += 1
    expect([first, early, turn(), turn(), turn()]).to.deep.equal([
      'spawn spawn',
      '',
      'drain drain spawn spawn',
      'drain drain',
      'reach',
    ])
    expect(world.replicas.map(({ version }) => version)).to.deep.equal(['v2', 'v2', 'v2', 'v2'])
  })

  it('leaves the old version alone when the new one cannot start', () => {
    const world = new World()
    world.reconcile(wanting({ targetReplicas: 1, version: 'v1', config: 'c1' }))
    world.running(world.replicas[0]!)
    const desired = wanting({ targetReplicas: 1, version: 'v2', config: 'c1' })
    for (let i = 0; i < 10; i += 1) {
      world.now += 60_000
      world.reconcile(desired)
      for (const replica of world.in('starting')) world.failed(replica)
      for (const replica of world.in('failed')) world.exited(replica)
    }
    expect(isGivenUp(desired.get(cart)!, world.observed.get(cart)!)).to.equal(true)
    expect(world.replicas.map(({ version, phase }) => `${version} ${phase.name}`)).to.deep.equal(['v1 running'])
  })

  it('is not held up in an update by the failures of the version before', () => {
    const world = new World()
    const desired = wanting({ targetReplicas: 1, version: 'v1', config: 'c1' })
    for (let i = 0; i < 3; i += 1) {
      world.reconcile(desired)
      for (const replica of world.replicas) world.exited(replica)
    }
    expect(world.reconcile(desired)).to.deep.equal([])
    expect(world.reconcile(wanting({ targetReplicas: 1, version: 'v2', config: 'c1' }))).to.have.length(1)
  })

  it('has a changed config taken over in batches, by the same replicas, the second once the first has proved itself', () => {
    const want = (config: string): Desired => wanting({ targetReplicas: 3, surge: 2, config })
    const world = running(want('c1'))
    world.reconcile(want('c1'))
    world.now += 5000
    expect(world.reconcile(want('c2')).map((action) => action.do)).to.deep.equal(['reconfigure', 'reconfigure'])
    world.answer()
    expect(world.reconcile(want('c2'))).to.deep.equal([])
    expect(nextDeadline(want('c2'), world.observed, world.now)).to.equal(world.now + SOAK_MS)
    world.now += SOAK_MS
    expect(world.reconcile(want('c2')).map((action) => action.do)).to.deep.equal(['reconfigure'])
    world.answer()
    expect(world.in('running').map(({ config }) => config)).to.deep.equal(['c2', 'c2', 'c2'])
    expect(world.ids).to.have.length(3)
  })

  it('tries a config that is refused again later, and gives it up after so many times', () => {
    const world = new World()
    world.reconcile(wanting({ targetReplicas: 1, version: 'v1', config: 'c1' }))
    world.running(world.replicas[0]!)
    const desired = wanting({ targetReplicas: 1, version: 'v1', config: 'c2' })
    for (let i = 0; i < 10; i += 1) {
      world.reconcile(desired)
      world.answer(false)
      world.now += 60_000
    }
    expect(isGivenUp(desired.get(cart)!, world.observed.get(cart)!)).to.equal(true)
    expect(world.in('running').map(({ config }) => config)).to.deep.equal(['c1'])
  })

  it('drains with the grace that is wanted now', () => {
    const world = new World()
    world.reconcile(wanting({ targetReplicas: 2, version: 'v1', config: 'c1' }))
    for (const replica of world.in('starting')) world.running(replica)
    const desired: Desired = new Map([[cart, { ...base, targetReplicas: 1, drainTimeoutMs: 9000 }]])
    expect(world.reconcile(desired)).to.have.nested.property('[0].timeoutMs', 9000)
  })

  const one = wanting({ targetReplicas: 1, version: 'v1', config: 'c1' })
  const two = wanting({ targetReplicas: 2, version: 'v1', config: 'c1' })
  const dos = (actions: readonly Action[]) =>
    actions.flatMap((action) => (action.do === 'reach' ? [] : [action.do])).join(' ')
  it('replaces a replica after three failed health checks in a row, and gives it up at once where others serve', () => {
    const world = running(two)
    world.checked(world.replicas[0]!, 2)
    expect(dos(world.reconcile(two))).to.equal('')
    world.checked(world.replicas[0]!, 3)
    expect(dos(world.reconcile(two))).to.equal('drain spawn')
    expect(world.replicas[0]!.phase.name).to.equal('draining')
  })

  it('keeps the only replica, though unhealthy, until its successor serves', () => {
    const world = running(one)
    world.checked(world.replicas[0]!, 3)
    expect(dos(world.reconcile(one))).to.equal('spawn')
    expect(world.replicas[0]!.phase.name).to.equal('running')
    world.running(world.replicas[1]!)
    expect(dos(world.reconcile(one))).to.equal('drain')
    expect(world.replicas[0]!.phase.name).to.equal('draining')
  })

  it('keeps one of many when all are unhealthy', () => {
    const world = running(two)
    for (const replica of world.replicas) world.checked(replica, 3)
    expect(dos(world.reconcile(two))).to.equal('drain')
    world.now += 300
    expect(dos(world.reconcile(two))).to.equal('spawn spawn')
    expect(world.in('running')).to.have.length(1)
  })

  it('keeps a replica that recovers, and starts no more for it', () => {
    const world = running(one)
    world.checked(world.replicas[0]!, 3)
    world.reconcile(one)
    world.checked(world.replicas[0]!, 0)
    expect(dos(world.reconcile(one))).to.equal('drain')
    expect(world.replicas.map(({ phase }) => phase.name)).to.deep.equal(['running', 'draining'])
  })

  it('replaces ever more slowly what always becomes unhealthy', () => {
    const world = running(one)
    const spawned: number[] = []
    for (; world.now < 60_000; world.now += 100) {
      for (const replica of world.in('running')) world.checked(replica, 3)
      if (dos(world.reconcile(one)).includes('spawn')) spawned.push(world.now)
      for (const replica of world.in('starting')) world.running(replica)
      for (const replica of world.in('draining')) world.exited(replica)
    }
    expect(spawned.length).to.be.within(5, 12)
  })

  it('counts failures anew after a replica that has lived for a minute, and no sooner', () => {
    for (const [livedMs, expected] of [
      [59_999, { inARow: 2, lost: 2 }],
      [60_000, { inARow: 1, lost: 0 }],
    ] as const) {
      const world = running(one)
      world.exited(world.replicas[0]!)
      world.reconcile(one)
      world.running(world.replicas[0]!)
      world.now += livedMs
      world.exited(world.replicas[0]!)
      expect(failuresOf(base, world.observed.get(cart)!)).to.include(expected)
    }
  })

  it('counts a replica that is unhealthy and then dies once', () => {
    const world = running(one)
    world.checked(world.replicas[0]!, 3)
    world.exited(world.replicas[0]!)
    expect(failuresOf({ version: 'v1', config: 'c1' }, world.observed.get(cart)!)).to.include({ inARow: 1 })
  })

  it('leaves the old version serving when a new one is unhealthy', () => {
    const world = running(two)
    const desired = wanting({ targetReplicas: 2, version: 'v2', config: 'c1' })
    for (let i = 0; i < 20; i += 1) {
      world.reconcile(desired)
      for (const replica of world.in('starting')) world.running(replica)
      for (const replica of world.in('running')) if (replica.version === 'v2') world.checked(replica, 3)
      world.now += 60_000
    }
    expect(world.serving.map(({ version }) => version)).to.deep.equal(['v1', 'v1'])
  })

  it('lends the room of an unhealthy replica to its successor', () => {
    const world = running(one)
    world.cpus = 1
    world.checked(world.replicas[0]!, 3)
    expect(dos(world.reconcile(one))).to.equal('spawn')
  })

  it('replaces unhealthy and outdated replicas also where no more than the target are allowed', () => {
    const most = (version: string): Desired =>
      new Map([[cart, { ...base, targetReplicas: 1, maxReplicas: 1, version }]])
    const world = running(most('v1'))
    expect(dos(world.reconcile(most('v2')))).to.equal('spawn')
    world.running(world.replicas[1]!)
    world.now += SOAK_MS
    world.reconcile(most('v2'))
    world.checked(world.replicas[1]!, 3)
    expect(dos(world.reconcile(most('v2')))).to.equal('spawn')
  })

  it('kills a frozen replica after its patience and then starts another, and wakes for it', () => {
    const world = running(two)
    world.now = 10
    world.frozen(world.replicas[0]!)
    expect(dos(world.reconcile(two))).to.equal('')
    expect(nextDeadline(two, world.observed, world.now)).to.equal(410)
    world.now = 410
    expect(dos(world.reconcile(two))).to.equal('kill')
    world.exited(world.in('killed')[0]!)
    expect(dos(world.reconcile(two))).to.equal('spawn')
    expect(failuresOf(base, world.observed.get(cart)!)).to.include({ inARow: 1, starts: 0 })
  })

  it('has no more patience with a replica of which more becomes known', () => {
    const world = running(two)
    world.frozen(world.replicas[0]!)
    world.now = 300
    world.frozen(world.replicas[0]!)
    world.now = 400
    expect(dos(world.reconcile(two))).to.equal('kill')
  })

  it('asks nothing of a replica that is frozen: not to leave though it is unhealthy, nor to take a config over', () => {
    const world = running(two)
    world.checked(world.replicas[0]!, 3)
    world.frozen(world.replicas[0]!)
    expect(dos(world.reconcile(two))).to.equal('')
    const desired = wanting({ targetReplicas: 2, version: 'v1', config: 'c2' })
    expect(
      world.reconcile(desired).flatMap((action) => (action.do === 'reconfigure' ? [action.replica] : [])),
    ).to.deep.equal([world.replicas[1]!.id])
    world.answer()
    expect(dos(world.reconcile(desired))).to.equal('')
  })

  it('leaves a replica alone that comes back in time', () => {
    const world = running(one)
    world.frozen(world.replicas[0]!)
    world.now = 399
    world.thawed(world.replicas[0]!)
    world.now = 10_000
    expect(dos(world.reconcile(one))).to.equal('')
  })

  it('keeps an outdated replica while a current one is frozen', () => {
    const world = running(one)
    const desired = wanting({ targetReplicas: 1, version: 'v2', config: 'c1' })
    world.reconcile(desired)
    world.running(world.in('starting')[0]!)
    world.frozen(world.replicas[1]!)
    expect(dos(world.reconcile(desired))).to.equal('')
  })

  it('keeps the old version when replicas of the new one die as soon as they serve, however often', () => {
    const world = running(wanting({ targetReplicas: 2, version: 'v1' }))
    const desired = wanting({ targetReplicas: 2, version: 'v2' })
    for (; world.now < 120_000; world.now += 250) {
      world.reconcile(desired)
      for (const replica of world.in('running')) {
        if (replica.version === 'v2' && world.now - world.since.get(replica.id)! >= 750) world.exited(replica)
      }
      for (const replica of world.in('starting')) world.running(replica)
    }
    expect(world.serving.filter(({ version }) => version === 'v1')).to.have.length(2)
    expect(hasFailed(desired.get(cart)!, world.observed.get(cart)!)).to.equal(true)
  })

  it('goes no further with a version once a replica of it has died, though it had served for a while', () => {
    const world = running(wanting({ targetReplicas: 5, version: 'v1' }))
    const desired = wanting({ targetReplicas: 5, version: 'v2' })
    for (; world.now < 120_000; world.now += 250) {
      world.reconcile(desired)
      for (const replica of world.in('running')) {
        if (replica.version === 'v2' && world.now - world.since.get(replica.id)! >= 1_250) world.exited(replica)
      }
      for (const replica of world.in('starting')) world.running(replica)
      for (const replica of world.in('draining')) world.exited(replica)
    }
    expect(world.serving.filter(({ version }) => version === 'v1').length).to.be.at.least(3)
  })

  it('believes in a version that has lost a replica once another has lived for a minute', () => {
    const world = running(one)
    const desired = wanting({ targetReplicas: 1, version: 'v2' })
    world.reconcile(desired)
    world.running(world.replicas[1]!)
    world.exited(world.replicas[1]!)
    world.reconcile(desired)
    world.running(world.replicas[1]!)
    world.now += 59_999
    expect(dos(world.reconcile(desired))).to.equal('')
    world.now += 1
    expect(dos(world.reconcile(desired))).to.equal('drain')
  })

  it('warns every 30 s of replicas that are not placed or not ready, and forgets it when none is late', () => {
    const world = new World()
    world.cpus = 1
    const desired: Desired = new Map([[cart, { ...base, startTimeoutMs: 100_000 }]])
    const warnings = (): unknown[] =>
      world.reconcile(desired).flatMap((action) => (action.do === 'warn' ? [action.slow] : []))
    warnings()
    world.now = 29_999
    expect(warnings()).to.deep.equal([])
    expect(nextDeadline(desired, world.observed, world.now)).to.equal(30_000)
    const slow = { waiting: 1, starting: 1, required: { CPU: 1 }, available: { CPU: 0 } }
    world.now = 30_000
    expect(warnings()).to.deep.equal([{ ...slow, at: 30_000 }])
    world.now = 59_999
    expect(warnings()).to.deep.equal([])
    expect(nextDeadline(desired, world.observed, world.now)).to.equal(60_000)
    world.now = 60_000
    expect(warnings()).to.deep.equal([{ ...slow, at: 60_000 }])
    world.running(world.replicas[0]!)
    world.cpus = 2
    expect(warnings()).to.deep.equal([undefined])
    expect(warnings()).to.deep.equal([])
  })

  it('takes over every replica of a former controller, whatever it is doing, and starts none twice', () => {
    const world = running(wanting({ targetReplicas: 3 }))
    world.reconcile(wanting({ targetReplicas: 2 }))
    world.reconcile(wanting({ targetReplicas: 3 }))
    world.failed(world.in('starting')[0]!)
    world.reconcile(wanting({ targetReplicas: 4 }))
    const before = world.replicas.map(({ id, phase }) => `${id} ${phase.name}`)
    expect(before).to.have.length(5)
    world.restart(() => true)
    expect(world.replicas.map(({ id, phase }) => `${id} ${phase.name}`)).to.deep.equal(before)
    world.reconcile(wanting({ targetReplicas: 4 }))
    expect(world.replicas).to.have.length(5)
  })

  it('forgets a deployment that is not wanted once its last replica has gone', () => {
    const world = running(one)
    expect(dos(world.reconcile(new Map()))).to.equal('drain')
    world.exited(world.replicas[0]!)
    expect(dos(world.reconcile(new Map()))).to.equal('forget')
    expect([...world.observed]).to.deep.equal([])
  })

  it('tries anew what was given up, when it is deployed again', () => {
    const world = new World()
    for (let i = 0; i < 10; i += 1) {
      world.reconcile(one)
      for (const replica of world.in('starting')) world.exited(replica)
      world.now += 60_000
    }
    expect(dos(world.reconcile(one))).to.equal('')
    world.observed = forgive(world.observed, [cart])
    expect(dos(world.reconcile(one))).to.equal('spawn')
  })
})

describe('the requests that a replica was serving when it died', () => {
  const desired = wanting({ targetReplicas: 1 })
  const dead = (world: World) => world.observed.get(cart)!.dead.map(({ requestIds }) => requestIds)

  it('are known whether proxies notice its end before or after the controller', () => {
    const world = running(desired)
    const [replica] = world.replicas
    world.interrupted(replica!, 'a', 'b')
    world.now += 5_000
    world.exited(replica!)
    world.interrupted(replica!, 'c')
    expect(dead(world)).to.deep.equal([['a', 'b', 'c']])
  })

  it('are none of those that were lost long before', () => {
    const world = running(desired)
    const [replica] = world.replicas
    world.interrupted(replica!, 'a')
    world.now += 5_001
    world.interrupted(replica!, 'b')
    world.exited(replica!)
    expect(dead(world)).to.deep.equal([['b']])
  })

  it('are the last twenty', () => {
    const world = running(desired)
    const [replica] = world.replicas
    world.exited(replica!)
    world.interrupted(replica!, ...Array.from({ length: 30 }, (_, n) => String(n)))
    expect(dead(world)[0]).to.have.length(20)
    expect(dead(world)[0]?.at(-1)).to.equal('29')
  })

  it('are nothing to remember of a replica that nobody knows', () => {
    const world = new World()
    world.interrupted({ id: 'replica9' as ReplicaId }, 'a')
    expect([...world.observed]).to.deep.equal([])
  })
})
