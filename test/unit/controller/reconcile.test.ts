import { expect } from 'chai'
import * as fc from 'fast-check'
import { observe, record } from '../../../controller/ledger.ts'
import { failuresOf, isGivenUp } from '../../../controller/policy.ts'
import { reconcile } from '../../../controller/reconcile.ts'
import type { Action, Desired, DesiredDeployment, Observed, ObservedReplica } from '../../../controller/state.ts'
import { deploymentId, type ReplicaId } from '../../../shared/ids.ts'

const cart = deploymentId({ application: 'shop', deployment: 'cart' })
const base: DesiredDeployment = {
  version: 'v1',
  config: 'c1',
  targetReplicas: 2,
  surge: 1,
  startTimeoutMs: 1000,
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

  in(phase: string): ObservedReplica[] {
    return this.replicas.filter((replica) => replica.phase.name === phase)
  }
}

type Want = Pick<DesiredDeployment, 'targetReplicas' | 'version' | 'config'>

interface Step {
  readonly ms: number
  readonly pick: number
  readonly what: 'ready' | 'fail' | 'crash' | 'obey' | 'take' | 'refuse' | 'nothing'
  readonly want: Want | undefined
}

const step: fc.Arbitrary<Step> = fc.record({
  ms: fc.integer({ min: 0, max: 700 }),
  pick: fc.nat(),
  what: fc.constantFrom('ready', 'ready', 'fail', 'crash', 'obey', 'take', 'refuse', 'nothing'),
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
        expect(world.in('running').length).to.equal(world.replicas.length)
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
          const before = world.in('running').length
          world.reconcile(wanting(one.want))
          expect(world.in('running').length).to.be.at.least(Math.min(before, one.want?.targetReplicas ?? 0))
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
