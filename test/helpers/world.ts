import * as fc from 'fast-check'
import { observe, record } from '../../controller/ledger.ts'
import { reconcile } from '../../controller/reconcile.ts'
import type {
  Action,
  Desired,
  DesiredDeployment,
  Event,
  Observed,
  ObservedReplica,
  Phase,
} from '../../controller/state.ts'
import { deploymentId, type ReplicaId } from '../../shared/ids.ts'

export const cart = deploymentId({ application: 'shop', deployment: 'cart' })
export const base: DesiredDeployment = {
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
export class World {
  now = 0
  cpus = 100
  observed: Observed = new Map()
  readonly ids: ReplicaId[] = []
  /** When each replica that runs began to, with what it has. */
  readonly since = new Map<ReplicaId, number>()

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

  #tell(event: Event): void {
    this.observed = observe(this.observed, event, this.now, () => 0.5)
  }

  running({ id: replica, phase }: ObservedReplica): void {
    if (phase.name === 'starting') this.since.set(replica, this.now)
    this.#tell({ on: 'running', deployment: cart, replica, address: 'x' })
  }

  failed({ id: replica }: ObservedReplica): void {
    this.#tell({ on: 'failed', deployment: cart, replica, error: { code: 'constructor_failed', message: 'no model' } })
  }

  leaving({ id: replica }: ObservedReplica): void {
    this.#tell({ on: 'leaving', deployment: cart, replica })
  }

  checked({ id: replica }: ObservedReplica, failures: number): void {
    const error = { code: 'unhealthy', message: 'no database' } as const
    const health = failures === 0 ? { failures } : { failures, error }
    this.#tell({ on: 'checked', deployment: cart, replica, health })
  }

  frozen({ id: replica }: ObservedReplica): void {
    this.#tell({ on: 'frozen', deployment: cart, replica, error: { code: 'frozen', message: 'stopped' } })
  }

  thawed({ id: replica }: ObservedReplica): void {
    this.#tell({ on: 'thawed', deployment: cart, replica })
  }

  interrupted({ id: replica }: Pick<ObservedReplica, 'id'>, ...requestIds: string[]): void {
    this.#tell({ on: 'interrupted', deployment: cart, replica, requestIds })
  }

  /** Every replica that was told to take a config over answers. */
  answer(isTaken = true): void {
    const error = { code: 'constructor_failed', message: 'bad config' } as const
    for (const { id: replica, taking: config } of this.replicas) {
      if (config === undefined) continue
      if (isTaken) this.since.set(replica, this.now)
      const which = { deployment: cart, replica, config }
      this.#tell(isTaken ? { ...which, on: 'reconfigured' } : { ...which, on: 'not reconfigured', error })
    }
  }

  exited({ id: replica }: Pick<ObservedReplica, 'id'>): void {
    this.#tell({ on: 'exited', deployment: cart, replica, error: exit, lastLines: [] })
  }

  /**
   * The controller dies, and another finds who lives: of those that were told to leave perhaps some that have not heard
   * it, and not those that were killed.
   */
  restart(hasHeard: (n: number) => boolean): void {
    const before = this.replicas
    this.observed = new Map()
    for (const [n, replica] of before.entries()) {
      const phase = reported(replica.phase, hasHeard(n), this.now)
      if (phase === undefined) continue
      if (phase.name === 'running') this.since.set(replica.id, this.now)
      const found = { ...replica, phase, taking: undefined, frozen: undefined, interrupted: undefined }
      this.#tell({ on: 'found', deployment: cart, found })
    }
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

function reported(phase: Phase, hasHeard: boolean, now: number): Phase | undefined {
  switch (phase.name) {
    case 'starting':
      return { ...phase, deadline: now + phase.timeoutMs }
    case 'running':
      return { ...phase, since: now }
    case 'failed':
      return phase
    case 'draining':
      return hasHeard ? phase : { name: 'running', address: 'x', since: now }
    case 'killed':
      return undefined
  }
}

export type Want = Pick<DesiredDeployment, 'targetReplicas' | 'version' | 'config' | 'surge'>

export function wanting(want: Partial<Want> | undefined): Desired {
  if (want === undefined) return new Map()
  const wanted = { ...base, ...want }
  return new Map([[cart, { ...wanted, maxStartFailures: Math.min(20, 3 * wanted.targetReplicas) }]])
}

/** Brings up what is wanted. */
export function running(desired: Desired): World {
  const world = new World()
  world.reconcile(desired)
  for (const replica of world.in('starting')) world.running(replica)
  return world
}

const HAPPENINGS = [
  ...['ready', 'ready', 'ready', 'fail', 'crash', 'obey', 'take', 'refuse', 'sick', 'well'],
  ...['freeze', 'thaw', 'leave', 'restart', 'nothing'],
] as const

export interface Step {
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
    | 'leave'
    | 'restart'
    | 'nothing'
  /** undefined: as before. */
  readonly deploys: Want | 'nothing' | undefined
}

const want: fc.Arbitrary<Want> = fc.record({
  targetReplicas: fc.integer({ min: 1, max: 5 }),
  version: fc.constantFrom('v1', 'v2', 'v3'),
  config: fc.constantFrom('c1', 'c2'),
  surge: fc.integer({ min: 1, max: 3 }),
})

const step: fc.Arbitrary<Step> = fc.record({
  ms: fc.oneof(fc.integer({ min: 0, max: 700 }), fc.constantFrom(0, 1000, 5000, 61_000)),
  pick: fc.nat(),
  what: fc.constantFrom<Step['what']>(...HAPPENINGS),
  deploys: fc.oneof(
    { arbitrary: fc.constant(undefined), weight: 8 },
    { arbitrary: want, weight: 2 },
    { arbitrary: fc.constant('nothing' as const), weight: 1 },
  ),
})

/** A history of a deployment. */
export const history = fc.array(step, { maxLength: 60 })

function happen(world: World, { ms, pick, what }: Step): void {
  world.now += ms
  if (what === 'restart') return world.restart((n) => (pick + n) % 2 === 0)
  const replica = world.replicas[pick % Math.max(1, world.replicas.length)]
  if (replica === undefined) return
  const isTold = ['draining', 'killed', 'failed'].includes(replica.phase.name)
  if (what === 'take' || what === 'refuse') world.answer(what === 'take')
  if (what === 'ready') world.running(replica)
  if (what === 'sick' || what === 'well') world.checked(replica, what === 'sick' ? replica.health.failures + 2 : 0)
  if (what === 'freeze') world.frozen(replica)
  if (what === 'thaw') world.thawed(replica)
  if (what === 'fail') world.failed(replica)
  if (what === 'leave') world.leaving(replica)
  if (what === 'crash' || (what === 'obey' && isTold)) world.exited(replica)
}

export interface Moment {
  readonly wanted: DesiredDeployment | undefined
  readonly desired: Desired
  readonly step: Step
}

/** Lives through a history. `decide` is called after each happening, and has to let the world reconcile. */
export function live(world: World, script: readonly Step[], decide: (moment: Moment) => void): Desired {
  let desired = wanting({})
  for (const one of script) {
    happen(world, one)
    if (one.deploys !== undefined) desired = wanting(one.deploys === 'nothing' ? undefined : one.deploys)
    decide({ desired, wanted: desired.get(cart), step: one })
  }
  return desired
}
