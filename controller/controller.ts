import type { Peer } from './channel-server.ts'
import { pause } from '../shared/clock.ts'
import type { Declaration } from '../shared/declaration.ts'
import { type ErrorReport, report, ServeError } from '../shared/errors.ts'
import type { DeploymentId, ReplicaId } from '../shared/ids.ts'
import type { ApplicationSpec, FromLauncher, Hello, Reconfigure } from '../shared/protocol.ts'
import type { Details } from './details.ts'
import type { ControllerOptions, Which } from './effects.ts'
import { foundReplica, type ReplicaRole } from './found.ts'
import { heard } from './hearing.ts'
import { ofRestore, ofUnheard } from './lines.ts'
import { Loop } from './loop.ts'
import { acceptFromLauncher, acceptFromProxy, acceptFromReplica, acceptHello, checkPid } from './messages.ts'
import { Peers } from './peers.ts'
import { type Obituary, showObituary } from './obituary.ts'
import { Recovery } from './recovery.ts'
import type { Event } from './state.ts'
import { brief } from './status.ts'
import type { DesiredState } from './target.ts'

const IDLE_CHECK_MS = 5

/** Ties what happens on the control channel and to the processes to the loop. */
export class Controller {
  readonly #options: ControllerOptions
  readonly #peers: Peers
  readonly #loop: Loop
  readonly #recovery: Recovery
  #isShuttingDown = false
  /** Whether anybody has said what shall run: a controller before, or whoever deploys. */
  #isTold: boolean

  constructor(options: ControllerOptions) {
    const { processes, log, clock, former } = options
    this.#options = options
    this.#peers = new Peers({
      clock,
      problem: (text) => log({ level: 'warning', text, fileOnly: true }),
      changed: () => this.#tellStatus(),
    })
    this.#loop = new Loop({
      ...options,
      effects: {
        save: options.save,
        start: (settings) => processes.start(settings),
        reconfigure: (which, request, timeoutMs) => void this.#reconfigure(which, request, timeoutMs),
        drain: (replica, timeoutMs) => this.#peers.drain(replica, timeoutMs),
        kill: (replica) => processes.kill(replica),
        publish: (table) => this.#peers.publish(table),
        setLogging: (config) => {
          options.setLogging(config)
          this.#peers.setLogging(config)
        },
        changed: () => this.#tellStatus(),
        log,
      },
    })
    this.#recovery = new Recovery({
      former,
      clock,
      frozenTimeoutMs: (deployment) => this.#loop.frozenTimeoutMs(deployment),
      kill(which, error) {
        log(ofUnheard(which, error))
        processes.kill(which.replica)
      },
      done: () => this.#loop.release(),
    })
    this.#isTold = former?.state !== undefined
    if (former !== undefined) this.#loop.hold()
    if (former?.state !== undefined) this.#restore(former.state)
  }

  /** @throws ServeError if this process may not take part */
  accept(raw: unknown): Hello {
    const hello = acceptHello(raw)
    checkPid(hello, (replica) => this.#options.processes.factsOf(replica)?.pid)
    return hello
  }

  connected(peer: Peer): void {
    this.#peers.add(peer)
    const { role } = peer.hello
    switch (role.kind) {
      case 'launcher':
        this.#tellStatus()
        break
      case 'proxy':
        this.#loop.exceed(role.tableVersion)
        if (this.#loop.table !== undefined) void this.#peers.publishTo(peer, this.#loop.table)
        break
      case 'replica':
        this.#greet(role, peer.hello.pid)
        break
    }
  }

  disconnected(peer: Peer): void {
    this.#peers.remove(peer)
    this.#tellStatus()
  }

  async receive(peer: Peer, message: unknown): Promise<unknown> {
    const { role } = peer.hello
    switch (role.kind) {
      case 'launcher':
        return await this.#obey(acceptFromLauncher(message))
      case 'replica':
        return this.#hear(heard(role, acceptFromReplica(message)))
      case 'proxy': {
        const said = acceptFromProxy(message)
        if (said.type === 'draining') this.#peers.drains(peer)
        else this.#loop.tell({ ...said, on: 'interrupted' })
        return undefined
      }
    }
  }

  #obey(request: FromLauncher): Promise<void> | void {
    // It has been deployed before, and may have been changed or deleted since.
    if ('isReminder' in request && request.isReminder && this.#isTold) return undefined
    switch (request.type) {
      case 'deploy':
        return this.deploy(request.application)
      case 'apply':
        return this.apply(request.declaration)
      case 'built':
        return this.built(request)
      case 'delete':
        return this.delete(request.applications)
      case 'shutdown':
        return this.shutDown()
    }
  }

  /** Adds the application, or replaces the one of its name. */
  deploy(application: ApplicationSpec): void {
    this.#change((loop) => loop.deploy(application))
    this.#recovery.know()
  }

  /** This shall run, and nothing else of what was declared before. */
  apply(declaration: Declaration): void {
    this.#change((loop) => loop.apply(declaration))
    this.#recovery.know()
  }

  /** So far has come what was declared; what is not awaited any more is ignored. */
  built(news: Pick<Declaration, 'id' | 'applications'>): void {
    if (this.#recovery.knowsTarget) this.#change((loop) => loop.built(news))
  }

  /** The applications of these names shall run no more; others are ignored. */
  delete(names: readonly string[]): void {
    if (this.#recovery.knowsTarget) this.#change((loop) => loop.delete(names))
  }

  /** Returns whether there is such a deployment. */
  scale(deployment: DeploymentId, numReplicas: number): boolean {
    return this.#recovery.knowsTarget && this.#change((loop) => loop.scale(deployment, numReplicas))
  }

  details(): Details {
    const factsOf = (replica: ReplicaId) => this.#options.processes.factsOf(replica)
    return { proxies: this.#peers.proxies(), ...this.#loop.details(factsOf) }
  }

  /** @throws ServeError `shutting_down`, and what the change throws */
  #change<T>(change: (loop: Loop) => T): T {
    if (this.#isShuttingDown) {
      throw new ServeError('shutting_down', 'the cluster is shutting down, so nothing was changed; start another')
    }
    const result = change(this.#loop)
    this.#isTold = true
    return result
  }

  /** Has the launcher end the cluster; returns its pid, if there is one. */
  endCluster(reason: string): number | undefined {
    return this.#peers.askToLeave(reason)
  }

  /** Drains every replica, also one that has still to be heard of, and resolves when the last one has gone. */
  async shutDown(): Promise<void> {
    this.#isShuttingDown = true
    this.#loop.clear()
    this.#loop.release()
    this.#recovery.know()
    this.#recovery.killFrozen()
    while (!this.#recovery.isOver || !this.#loop.isEmpty()) await pause(this.#options.clock, IDLE_CHECK_MS)
  }

  exited({ deployment, replica }: Which, obituary: Obituary): void {
    this.#recovery.heard(replica)
    const error: ErrorReport = { code: 'internal', message: showObituary(obituary) }
    this.#loop.tell({ on: 'exited', deployment, replica, error, lastLines: obituary.lastLines })
  }

  /** Undefined: it is not frozen any more. */
  frozen({ deployment, replica }: Which, error: ErrorReport | undefined): void {
    const which = { deployment, replica }
    if (this.#loop.phaseOf(deployment, replica) === undefined) this.#recovery.frozen(which, error)
    else this.#loop.tell(error === undefined ? { ...which, on: 'thawed' } : { ...which, on: 'frozen', error })
  }

  #restore(state: DesiredState): void {
    for (const line of ofRestore(state)) this.#options.log(line)
    this.#loop.restore(state)
    this.#recovery.know()
  }

  #greet(role: ReplicaRole, pid: number): void {
    const known = this.#loop.phaseOf(role.deployment, role.replica)
    if (known === undefined) this.#take(role, pid)
    else {
      this.#hear(heard(role, { type: 'replica', phase: role.phase }))
      this.#hear(heard(role, { type: 'health', health: role.health }))
    }
    const phase = this.#loop.phaseOf(role.deployment, role.replica)
    if (phase?.name === 'draining') this.#peers.drain(role.replica, role.drainTimeoutMs)
    this.#recovery.heard(role.replica)
  }

  /** Takes over a replica that a former controller started. The hello of a dead one may come after its end. */
  #take(role: ReplicaRole, pid: number): void {
    const { deployment, replica } = role
    if (!this.#options.processes.adopt({ deployment, replica }, pid)) return
    this.#loop.tell({ on: 'found', deployment, found: foundReplica(role, this.#options.clock.now()) })
    const error = this.#recovery.errorOf(replica)
    if (error !== undefined) this.#loop.tell({ on: 'frozen', deployment, replica, error })
  }

  #hear(event: Event | undefined): void {
    if (event !== undefined) this.#loop.tell(event)
  }

  async #reconfigure(which: Which, request: Reconfigure, timeoutMs: number): Promise<void> {
    try {
      await this.#peers.reconfigure(which.replica, request, timeoutMs)
      this.#loop.tell({ ...which, on: 'reconfigured', config: request.config })
    } catch (error) {
      this.#loop.tell({ ...which, on: 'not reconfigured', config: request.config, error: report(error) })
    }
  }

  #tellStatus(): void {
    const { count, isAll } = this.#peers.withTable(this.#loop.table?.version)
    const applications = this.#loop.statuses(this.#recovery.awaited).map((status) => brief(status, isAll))
    this.#peers.tell({ type: 'status', proxies: count, applications })
  }
}
