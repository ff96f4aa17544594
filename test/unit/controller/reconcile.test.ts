import { expect } from 'chai'
import * as fc from 'fast-check'
import { observe, record } from '../../../controller/ledger.ts'
import { failuresOf, isGivenUp } from '../../../controller/policy.ts'
import { nextDeadline, reconcile } from '../../../controller/reconcile.ts'
import type { Action, Desired, DesiredDeployment, Observed, ObservedReplica } from '../../../controller/state.ts'
import { deploymentId, type ReplicaId } from '../../../shared/ids.ts'

const cart = deploymentId({ application: 'shop', deployment: 'cart' })
const base: DesiredDeployment = {
  version: 'v1',
  config: 'c1',
  targetReplicas: 2,
  surge: 1,
  startTimeoutMs: 1000,
  frozenTimeoutMs: 400,
  drainTimeoutMs: 500,
  maxStartFailures: 6,
  resources: { CPU: 1 },
  maxReplicas: Number.POSITIVE_INFINITY,
}
const exit = { code: 'internal', message: 'signal SIGKILL' } as const

/** A controller without processes: it does what reconcile says, and hears what the test tells it. */
class World {
  now = 0
  cpus = 100
  observed: Observed = new Map()
  readonly ids: ReplicaId[] = []

  reconcile(desired: Desired): Action[] {
    const newReplicaId = () => {
      const id = `replica${this.ids.length}` as ReplicaId
      this.ids.push(id)
      return id
    }
    const actions = reconcile(desired, this.observed, {
      now: this.now,
      machine: { resources: { CPU: this.cpus }, gpus: [] },
      newReplicaId,
    })
    for (const action of actions) this.observed = record(this.observed, action, this.now)
    return actions
  }

  running({ id: replica }: ObservedReplica): void {
    this.observed = observe(
      this.observed,
      { on: 'running', deployment: cart, replica, address: 'x' },
      this.now,
      () => 0.5,
    )
  }

  failed({ id: replica }: ObservedReplica): void {
    const error = { code: 'constructor_failed', message: 'no model' } as const
    this.observed = observe(this.observed, { on: 'failed', deployment: cart, replica, error }, this.now, () => 0.5)
  }

  checked({ id: replica }: ObservedReplica, failures: number): void {
    const error = { code: 'unhealthy', message: 'no database' } as const
    const health = failures === 0 ? { failures } : { failures, error }
    this.observed = observe(this.observed, { on: 'checked', deployment: cart, replica, health }, this.now, () => 0.5)
  }

  frozen({ id: replica }: ObservedReplica): void {
    const error = { code: 'frozen', message: 'stopped' } as const
    this.observed = observe(this.observed, { on: 'frozen', deployment: cart, replica, error }, this.now, () => 0.5)
  }

  thawed({ id: replica }: ObservedReplica): void {
    this.observed = observe(this.observed, { on: 'thawed', deployment: cart, replica }, this.now, () => 0.5)
  }

  /** Every replica that was told to take a config over answers. */
  answer(isTaken = true): void {
    const error = { code: 'constructor_failed', message: 'bad config' } as const
    for (const { id: replica, taking: config } of this.replicas) {
      if (config === undefined) continue
      const which = { deployment: cart, replica, config }
      const event = isTaken
        ? ({ ...which, on: 'reconfigured' } as const)
        : ({ ...which, on: 'not reconfigured', error } as const)
      this.observed = observe(this.observed, event, this.now, () => 0.5)
    }
  }

  exited({ id: replica }: ObservedReplica): void {
    this.observed = observe(
      this.observed,
      { on: 'exited', deployment: cart, replica, error: exit, lastLines: [] },
      this.now,
      () => 0.5,
    )
  }

  get replicas(): ObservedReplica[] {
    return [...(this.observed.get(cart)?.replicas.values() ?? [])]
  }

  /** Those that answer, and are well. */
  get serving(): ObservedReplica[] {
    return this.in('running').filter(({ health, frozen }) => health.failures < 3 && frozen === undefined)
  }

  in(phase: string): ObservedReplica[] {
    return this.replicas.filter((replica) => replica.phase.name === phase)
  }
}

type Want = Pick<DesiredDeployment, 'targetReplicas' | 'version' | 'config'>

interface Step {
  readonly ms: number
  readonly pick: number
  readonly what:
    | 'ready'
    | 'fail'
    | 'crash'
    | 'obey'
    | 'take'
    | 'refuse'
    | 'sick'
    | 'well'
    | 'freeze'
    | 'thaw'
    | 'nothing'
  readonly want: Want | undefined
}

const step: fc.Arbitrary<Step> = fc.record({
  ms: fc.integer({ min: 0, max: 700 }),
  pick: fc.nat(),
  what: fc.constantFrom(
    'ready',
    'ready',
    'fail',
    'crash',
    'obey',
    'take',
    'refuse',
    'sick',
    'well',
    'freeze',
    'thaw',
    'nothing',
  ),
  want: fc.option(
    fc.record({
      targetReplicas: fc.integer({ min: 1, max: 5 }),
      version: fc.constantFrom('v1', 'v2', 'v3'),
      config: fc.constantFrom('c1', 'c2'),
    }),
    { nil: undefined, freq: 9 },
  ),
})
const steps = fc.array(step, { maxLength: 60 })

const wanting = (want: Step['want']): Desired =>
  want === undefined
    ? new Map()
    : new Map([[cart, { ...base, ...want, maxStartFailures: Math.min(20, 3 * want.targetReplicas) }]])

function happen(world: World, { ms, pick, what }: Step): void {
  world.now += ms
  const replica = world.replicas[pick % Math.max(1, world.replicas.length)]
  if (replica === undefined) return
  const isTold = ['draining', 'killed', 'failed'].includes(replica.phase.name)
  if (what === 'take' || what === 'refuse') world.answer(what === 'take')
  if (what === 'ready') world.running(replica)
  if (what === 'sick' || what === 'well') world.checked(replica, what === 'sick' ? replica.health.failures + 2 : 0)
  if (what === 'freeze') world.frozen(replica)
  if (what === 'thaw') world.thawed(replica)
  if (what === 'fail') world.failed(replica)
  if (what === 'crash' || (what === 'obey' && isTold)) world.exited(replica)
}

function follow(world: World, script: readonly Step[], each: (step: Step, actions: Action[]) => void = () => {}): void {
  for (const one of script) {
    happen(world, one)
    each(one, world.reconcile(wanting(one.want)))
  }
}

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

  it('replaces an old version in batches: successors first, and the old ones only as these serve', () => {
    const world = new World()
    const want = (version: string): Desired => new Map([[cart, { ...base, targetReplicas: 4, surge: 2, version }]])
    world.reconcile(want('v1'))
    for (const replica of world.in('starting')) world.running(replica)
    const turn = (): string => {
      const actions = world.reconcile(want('v2')).map((action) => action.do)
      for (const replica of world.in('starting')) world.running(replica)
      expect(world.in('running').length).to.be.at.least(4)
      for (const replica of world.in('draining')) world.exited(replica)
      return actions.join(' ')
    }
    expect([turn(), turn(), turn(), turn()]).to.deep.equal([
      'spawn spawn',
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

  it('has a changed config taken over in batches, by the same replicas', () => {
    const world = new World()
    const want = (config: string): Desired => new Map([[cart, { ...base, targetReplicas: 3, surge: 2, config }]])
    world.reconcile(want('c1'))
    for (const replica of world.in('starting')) world.running(replica)
    world.reconcile(want('c1'))
    expect(world.reconcile(want('c2')).map((action) => action.do)).to.deep.equal(['reconfigure', 'reconfigure'])
    world.answer()
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
  const running = (desired: Desired): World => {
    const world = new World()
    world.reconcile(desired)
    for (const replica of world.in('starting')) world.running(replica)
    return world
  }

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

  it('has nothing left to do once its actions are recorded', () => {
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 8 }), (script, cpus) => {
        const world = new World()
        world.cpus = cpus
        follow(world, script, (one) => expect(world.reconcile(wanting(one.want))).to.deep.equal([]))
      }),
      { numRuns: 1000 },
    )
  })

  it('converges once faults stop, even if replicas heed nothing but SIGKILL', () => {
    fc.assert(
      fc.property(steps, step, (script, last) => {
        const world = new World()
        follow(world, script)
        const desired = wanting(last.want)
        for (let i = 0; i < 400; i += 1) {
          world.now += 200
          world.reconcile(desired)
          for (const replica of world.in('starting')) world.running(replica)
          for (const replica of world.in('killed')) world.exited(replica)
          world.answer()
        }
        const wanted = desired.get(cart)
        const given = wanted !== undefined && isGivenUp(wanted, world.observed.get(cart)!)
        if (given) return
        expect(world.replicas.length).to.equal(last.want?.targetReplicas ?? 0)
        expect(world.serving.length).to.equal(world.replicas.length)
        expect(world.replicas.every(({ version }) => version === last.want?.version)).to.equal(true)
        expect(world.replicas.every(({ config }) => config === last.want?.config)).to.equal(true)
      }),
      { numRuns: 300 },
    )
  })

  it('never gives up a serving replica while fewer than the target serve', () => {
    fc.assert(
      fc.property(steps, (script) => {
        const world = new World()
        for (const one of script) {
          happen(world, one)
          const before = world.serving.length
          world.reconcile(wanting(one.want))
          expect(world.serving.length).to.be.at.least(Math.min(before, one.want?.targetReplicas ?? 0))
        }
      }),
      { numRuns: 1000 },
    )
  })

  it('never gives up the last replica that answers, be it unhealthy', () => {
    const answering = (world: World) => world.in('running').filter(({ frozen }) => frozen === undefined).length
    fc.assert(
      fc.property(steps, (script) => {
        const world = new World()
        for (const one of script) {
          happen(world, one)
          const before = answering(world)
          world.reconcile(wanting(one.want))
          expect(answering(world)).to.be.at.least(Math.min(before, one.want === undefined ? 0 : 1))
        }
      }),
      { numRuns: 1000 },
    )
  })

  it('never starts more than the target and one batch', () => {
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 3 }), (script, surge) => {
        const world = new World()
        for (const one of script) {
          happen(world, one)
          const wanted = wanting(one.want).get(cart)
          const desired: Desired = wanted === undefined ? new Map() : new Map([[cart, { ...wanted, surge }]])
          const hasSpawned = world.reconcile(desired).some((action) => action.do === 'spawn')
          const alive = [...world.in('starting'), ...world.in('running')].length
          if (hasSpawned) expect(alive).to.be.at.most((wanted?.targetReplicas ?? 0) + surge)
        }
      }),
      { numRuns: 1000 },
    )
  })

  it('never has more than a batch take a config over at a time', () => {
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 3 }), (script, surge) => {
        const world = new World()
        for (const one of script) {
          happen(world, one)
          const wanted = wanting(one.want).get(cart)
          if (wanted === undefined) continue
          const actions = world.reconcile(new Map([[cart, { ...wanted, surge }]]))
          const taking = world.in('running').filter((r) => r.version === wanted.version && r.taking !== undefined)
          if (actions.some((action) => action.do === 'reconfigure')) expect(taking.length).to.be.at.most(surge)
        }
      }),
      { numRuns: 1000 },
    )
  })

  it('starts nothing before the back-off is over', () => {
    fc.assert(
      fc.property(steps, (script) => {
        const world = new World()
        follow(world, script, (one, actions) => {
          const seen = world.observed.get(cart)
          const hasStarted = actions.some((action) => action.do === 'spawn')
          const wanted = wanting(one.want).get(cart)
          if (!hasStarted || wanted === undefined || seen === undefined) return
          const { inARow, notBefore } = failuresOf(wanted, seen)
          if (inARow > 0) expect(world.now).to.be.at.least(notBefore)
        })
      }),
      { numRuns: 1000 },
    )
  })

  it('never uses more CPUs than there are for replicas of the wanted version', () => {
    fc.assert(
      fc.property(steps, fc.integer({ min: 0, max: 4 }), (script, cpus) => {
        const world = new World()
        world.cpus = cpus
        follow(world, script, (one) => {
          const current = [...world.in('starting'), ...world.in('running')].filter(
            (r) => r.version === one.want?.version,
          )
          const isGrown = current.length > cpus
          // Replicas that were outdated and are wanted again may be over the limit: they run already.
          if (isGrown)
            expect(world.reconcile(wanting(one.want)).some((action) => action.do === 'spawn')).to.equal(false)
        })
      }),
      { numRuns: 500 },
    )
  })
})
