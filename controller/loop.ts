import type { Clock, Instant } from '../shared/clock.ts'
import { type DeploymentId, newReplicaId, type Random, type ReplicaId } from '../shared/ids.ts'
import { messageOf } from '../shared/errors.ts'
import type { Declaration } from '../shared/declaration.ts'
import type { ApplicationSpec, EndpointTable } from '../shared/protocol.ts'
import { allSettled, idsOf, restored, withReplicas } from './applications.ts'
import { applicationDetails, type Details, type ReplicaFacts } from './details.ts'
import { desiredOf, type Hash, settingsOf, specificationOf, takenOver } from './desired.ts'
import type { Effects } from './effects.ts'
import { routes } from './endpoints.ts'
import { forgive, observe, record } from './ledger.ts'
import * as lines from './lines.ts'
import { nextDeadline, reconcile } from './reconcile.ts'
import type { Machine } from './resources.ts'
import type { Action, Desired, Event, Observed, Phase } from './state.ts'
import { type OwnStatus, statuses } from './status.ts'
import { Table } from './table.ts'
import * as target from './target.ts'
import { Turns } from './turns.ts'

/** The controller's one loop: event → observe → reconcile → record → perform. */
export class Loop {
  readonly #effects: Effects
  readonly #clock: Clock
  readonly #random: Random
  readonly #hash: Hash
  /** Unix time, in seconds. */
  readonly #nowS: () => number
  readonly #table: Table
  readonly #machine: Machine
  #state = target.NOTHING
  #desired: Desired = new Map()
  #observed: Observed = new Map()
  #isHeld = false
  readonly #turns = new Turns()
  #cancelWake: () => void = () => {}

  constructor(options: {
    effects: Effects
    clock: Clock
    random: Random
    hash: Hash
    /** Unix time in milliseconds. */
    date: () => number
    machine: Machine
    /** Tables have greater versions than this; one controller's exceed those of the one before it. */
    tableVersion: number
  }) {
    this.#effects = options.effects
    this.#clock = options.clock
    this.#random = options.random
    this.#hash = options.hash
    this.#nowS = () => options.date() / 1000
    this.#machine = options.machine
    this.#table = new Table(options.tableVersion, (table) => this.#effects.publish(table))
  }

  /** Undefined while held: proxies go on with the table of the controller before, which knew more. */
  get table(): EndpointTable | undefined {
    return this.#isHeld ? undefined : this.#table.current
  }

  /** A proxy has this table already. */
  exceed(version: number): void {
    this.#table.exceed(version)
    if (!this.#isHeld) void this.#publish()
  }

  /**
   * Replaces the application of that name, or adds it. What runs already as wanted is left alone.
   * @throws ServeError `checkpoint_failed`, as all that change what shall run, or `bad_config`; nothing is changed then
   */
  deploy(spec: ApplicationSpec): void {
    this.#change(target.withDeployed(this.#state, spec, this.#nowS()), [spec])
  }

  /** This and nothing else of what was declared before. */
  apply(declaration: Declaration): void {
    const next = target.withDeclaration(this.#state, declaration, this.#nowS())
    this.#change(next, target.specsOf(declaration.applications))
  }

  /** What is not awaited is ignored. */
  built(all: Pick<Declaration, 'id' | 'applications'>): void {
    const news = target.newsFor(this.#state, all)
    if (news.length > 0) this.#change(target.withBuilt(this.#state, all, this.#nowS()), target.specsOf(news))
  }

  /** The applications of these names shall run no more; others are ignored. */
  delete(names: readonly string[]): void {
    this.#change(target.withoutThese(this.#state, names), [])
  }

  /** Returns whether there is such a deployment. */
  scale(deployment: DeploymentId, numReplicas: number): boolean {
    const applications = withReplicas(this.#state.applications, deployment, numReplicas)
    if (applications !== undefined) this.#change({ ...this.#state, applications }, [])
    return applications !== undefined
  }

  /** Wants what a former controller has written down. */
  restore(state: target.DesiredState): void {
    this.#want({ ...state, applications: state.applications.map(restored) })
  }

  /** Wants nothing any more: every replica is drained. */
  clear(): void {
    this.#want({ ...this.#state, applications: [], unbuilt: [] })
  }

  isEmpty(): boolean {
    return [...this.#observed.values()].every(({ replicas }) => replicas.size === 0)
  }

  /** The phase of a replica as far as the controller knows. */
  phaseOf(deployment: DeploymentId, replica: ReplicaId): Phase | undefined {
    return this.#observed.get(deployment)?.replicas.get(replica)?.phase
  }

  frozenTimeoutMs(deployment: DeploymentId): number | undefined {
    return this.#desired.get(deployment)?.frozenTimeoutMs
  }

  tell(event: Event): void {
    const now = this.#clock.now()
    for (const line of lines.ofEvent(event, this.#observed, this.#desired, now)) this.#effects.log(line)
    this.#observed = observe(this.#observed, event, now, this.#random)
    this.#turn()
  }

  /** While held it only observes: a restarted controller first finds out who is alive. */
  hold(): void {
    this.#isHeld = true
  }

  release(): void {
    if (!this.#isHeld) return
    this.#isHeld = false
    this.#table.renew()
    this.#turn()
  }

  statuses(recovering: readonly DeploymentId[] = []): OwnStatus[] {
    const { applications, unbuilt } = this.#state
    return target.withUnbuilt(statuses(applications, this.#desired, this.#observed, recovering), unbuilt)
  }

  details(factsOf: (replica: ReplicaId) => ReplicaFacts | undefined): Omit<Details, 'proxies'> {
    const applications = applicationDetails(this.#state, { desired: this.#desired, observed: this.#observed, factsOf })
    const { targetCapacity, declared } = this.#state
    return { applications, targetCapacity, declaredAtS: declared.atS, turns: this.#turns.seen() }
  }

  get #specs(): readonly ApplicationSpec[] {
    return this.#state.applications.map(({ spec }) => spec)
  }

  /** `deployed` are tried anew, whatever failed before. */
  #change(state: target.DesiredState, deployed: readonly ApplicationSpec[]): void {
    this.#effects.save(state)
    this.#observed = forgive(this.#observed, deployed.flatMap(idsOf))
    this.#want(state)
  }

  #want(state: target.DesiredState): void {
    const before = { state: this.#state, desired: this.#desired }
    this.#state = state
    this.#desired = desiredOf(this.#specs, this.#hash, state.targetCapacity)
    this.#effects.setLogging(state.loggingConfig)
    for (const line of lines.ofCapacity(before.state, state)) this.#effects.log(line)
    for (const line of lines.ofDeploy(before.desired, this.#desired)) this.#effects.log(line)
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
    this.#settle()
    this.#turns.note(this.#clock.now() - now, this.#nowS())
  }

  /** What runs well is remembered, and what does not may be taken back. Without room on the disk, until the next time. */
  #settle(): void {
    const before = this.#state.applications
    const next = allSettled(before, this.statuses())
    if (next === before) return
    const state = { ...this.#state, applications: next }
    try {
      this.#effects.save(state)
    } catch (error) {
      this.#effects.log({ level: 'warning', text: messageOf(error), fileOnly: true })
    }
    for (const line of lines.ofReturns(before, next)) this.#effects.log(line)
    if (next.some((one, i) => one.spec !== before[i]?.spec)) this.#want(state)
    else this.#state = state
  }

  #perform(action: Action, inForce: Promise<void>): void {
    switch (action.do) {
      case 'spawn': {
        const found = specificationOf(action.deployment, this.#specs)
        if (found !== undefined) this.#effects.start(settingsOf(action, found))
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
      case 'warn':
      case 'forget':
        break
    }
  }

  #reconfigure({ deployment, replica, config }: Action & { do: 'reconfigure' }): void {
    const found = specificationOf(deployment, this.#specs)
    const wanted = this.#desired.get(deployment)
    if (found === undefined || wanted === undefined) return
    const request = { type: 'reconfigure', config, live: takenOver(...found) } as const
    this.#effects.reconfigure({ deployment, replica }, request, wanted.startTimeoutMs)
  }

  #publish(): Promise<void> {
    return this.#table.put(routes(this.#specs, this.#desired, this.#observed))
  }

  /** `decided`: when reconcile looked. What has become due since is still to come, and would otherwise be forgotten. */
  #wakeAfter(decided: Instant): void {
    this.#cancelWake()
    const next = nextDeadline(this.#desired, this.#observed, decided)
    const delayMs = Math.max(1, (next ?? 0) - this.#clock.now())
    this.#cancelWake = next === undefined ? () => {} : this.#clock.after(delayMs, () => this.#turn())
  }
}
