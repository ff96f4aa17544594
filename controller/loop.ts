import type { Clock, Instant } from '../shared/clock.ts'
import { type DeploymentId, deploymentId, newReplicaId, type Random, type ReplicaId } from '../shared/ids.ts'
import type {
  ApplicationSpec,
  ApplicationStatus,
  DeploymentSpec,
  EndpointTable,
  Reconfigure,
} from '../shared/protocol.ts'
import type { ReplicaSettings } from '../shared/settings.ts'
import { desiredOf, type Hash, takenOver } from './desired.ts'
import { routes } from './endpoints.ts'
import { observe, record } from './ledger.ts'
import * as lines from './lines.ts'
import { nextDeadline, reconcile } from './reconcile.ts'
import type { Machine } from './resources.ts'
import type { Action, Desired, Event, Observed, Phase } from './state.ts'
import { applicationStatus } from './status.ts'

interface Which {
  readonly deployment: DeploymentId
  readonly replica: ReplicaId
}

/** What the loop makes happen. None of it may throw, but for `save`. */
export interface Effects {
  start(settings: ReplicaSettings): void
  /** Writes down what shall run; a throw leaves everything as it was. */
  save(applications: readonly ApplicationSpec[]): void
  /** Tells the replica what to take over; its answer is an event. */
  reconfigure(which: Which, request: Reconfigure, timeoutMs: number): void
  /** Asks the replica to finish and leave. */
  drain(replica: ReplicaId, timeoutMs: number): void
  kill(replica: ReplicaId): void
  /** Puts the table in force in every proxy; settles, never rejects, when they have it or do not answer. */
  publish(table: EndpointTable): Promise<void>
  /** Something has changed that a status may depend on. */
  changed(): void
  log(line: lines.Line): void
}

/** The controller's one loop: event → observe → reconcile → record → perform. */
export class Loop {
  readonly #effects: Effects
  readonly #clock: Clock
  readonly #random: Random
  readonly #hash: Hash
  readonly #machine: Machine
  #applications: readonly ApplicationSpec[] = []
  #desired: Desired = new Map()
  #observed: Observed = new Map()
  #table: EndpointTable
  #isHeld = false
  #isPublished = true
  #cancelWake: () => void = () => {}

  constructor(options: {
    effects: Effects
    clock: Clock
    random: Random
    hash: Hash
    machine: Machine
    /** Tables have greater versions than this; one controller's exceed those of the one before it. */
    tableVersion: number
  }) {
    this.#effects = options.effects
    this.#clock = options.clock
    this.#random = options.random
    this.#hash = options.hash
    this.#machine = options.machine
    this.#table = { version: options.tableVersion, routes: [] }
  }

  /** Undefined while held: proxies go on with the table of the controller before, which knew more. */
  get table(): EndpointTable | undefined {
    return this.#isHeld ? undefined : this.#table
  }

  /**
   * Replaces the application of that name, or adds it. What runs already as wanted is left alone.
   * @throws ServeError `checkpoint_failed`; nothing is changed then
   */
  deploy(application: ApplicationSpec): void {
    const applications = [...this.#applications.filter(({ name }) => name !== application.name), application]
    this.#effects.save(applications)
    this.#want(applications)
  }

  /** Wants what a former controller has written down. */
  restore(applications: readonly ApplicationSpec[]): void {
    this.#want(applications)
  }

  /** Wants nothing any more: every replica is drained. */
  clear(): void {
    this.#want([])
  }

  isEmpty(): boolean {
    return [...this.#observed.values()].every(({ replicas }) => replicas.size === 0)
  }

  /** The phase of a replica as far as the controller knows. */
  phaseOf(deployment: DeploymentId, replica: ReplicaId): Phase | undefined {
    return this.#observed.get(deployment)?.replicas.get(replica)?.phase
  }

  tell(event: Event): void {
    for (const line of lines.ofEvent(event, this.#observed, this.#desired)) this.#effects.log(line)
    this.#observed = observe(this.#observed, event, this.#clock.now(), this.#random)
    this.#turn()
  }

  /** While held it only observes: a restarted controller first finds out who is alive. */
  hold(): void {
    this.#isHeld = true
  }

  release(): void {
    if (!this.#isHeld) return
    this.#isHeld = false
    this.#isPublished = false
    this.#turn()
  }

  statuses(): Omit<ApplicationStatus, 'routed'>[] {
    return this.#applications.map((application) => applicationStatus(application, this.#desired, this.#observed))
  }

  #want(applications: readonly ApplicationSpec[]): void {
    const desired = desiredOf(applications, this.#hash)
    for (const line of lines.ofDeploy(this.#desired, desired)) this.#effects.log(line)
    this.#applications = applications
    this.#desired = desired
    this.#turn()
  }

  #turn(): void {
    if (this.#isHeld) return
    const now = this.#clock.now()
    const newId = () => newReplicaId(this.#random)
    const actions = reconcile(this.#desired, this.#observed, { now, machine: this.#machine, newReplicaId: newId })
    for (const action of actions) this.#observed = record(this.#observed, action, now)
    const inForce = this.#publish()
    for (const line of lines.ofActions(actions, this.#observed)) this.#effects.log(line)
    for (const action of actions) this.#perform(action, inForce)
    this.#effects.changed()
    this.#wakeAfter(now)
  }

  #perform(action: Action, inForce: Promise<void>): void {
    switch (action.do) {
      case 'spawn': {
        const settings = this.#settings(action)
        if (settings !== undefined) this.#effects.start(settings)
        break
      }
      case 'reconfigure':
        this.#reconfigure(action)
        break
      case 'drain':
        // Out of the table first: once no proxy sends it requests, what it has is all that it has to finish.
        void inForce.then(() => this.#effects.drain(action.replica, action.timeoutMs))
        break
      case 'kill':
        this.#effects.kill(action.replica)
        break
      case 'reach':
      case 'wait':
        break
    }
  }

  #settings({ deployment, replica, wanted, allotment }: Action & { do: 'spawn' }): ReplicaSettings | undefined {
    const { version, config, startTimeoutMs, drainTimeoutMs } = wanted
    const found = this.#specification(deployment)
    if (found === undefined) return undefined
    const [application, spec] = found
    const live = takenOver(application, spec)
    const { importPath, workingDir } = application
    return {
      replica,
      deployment,
      importPath,
      workingDir,
      version,
      config,
      live,
      allotment,
      startTimeoutMs,
      drainTimeoutMs,
    }
  }

  #reconfigure({ deployment, replica, config }: Action & { do: 'reconfigure' }): void {
    const found = this.#specification(deployment)
    const wanted = this.#desired.get(deployment)
    if (found === undefined || wanted === undefined) return
    const request = { type: 'reconfigure', config, live: takenOver(...found) } as const
    this.#effects.reconfigure({ deployment, replica }, request, wanted.startTimeoutMs)
  }

  #specification(id: DeploymentId): [ApplicationSpec, DeploymentSpec] | undefined {
    for (const application of this.#applications) {
      const spec = application.deployments.find(
        ({ name }) => deploymentId({ application: application.name, deployment: name }) === id,
      )
      if (spec !== undefined) return [application, spec]
    }
    return undefined
  }

  /** Pushes the table if it is another than before, or nobody has it yet. */
  #publish(): Promise<void> {
    const next = routes(this.#applications, this.#desired, this.#observed)
    const isSame = JSON.stringify(next) === JSON.stringify(this.#table.routes)
    if (isSame && this.#isPublished) return Promise.resolve()
    this.#isPublished = true
    this.#table = { version: this.#table.version + 1, routes: next }
    return this.#effects.publish(this.#table)
  }

  /** `decided`: when reconcile looked. What has become due since is still to come, and would otherwise be forgotten. */
  #wakeAfter(decided: Instant): void {
    this.#cancelWake()
    const next = nextDeadline(this.#desired, this.#observed, decided)
    const delayMs = Math.max(1, (next ?? 0) - this.#clock.now())
    this.#cancelWake = next === undefined ? () => {} : this.#clock.after(delayMs, () => this.#turn())
  }
}
