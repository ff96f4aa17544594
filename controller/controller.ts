import type { Peer } from './channel-server.ts'
import type { Clock } from '../shared/clock.ts'
import { type ErrorReport, report, ServeError } from '../shared/errors.ts'
import type { Random, ReplicaId } from '../shared/ids.ts'
import type { ApplicationSpec, FromReplica, Hello, Reconfigure, ReplicaReport } from '../shared/protocol.ts'
import type { ReplicaSettings } from '../shared/settings.ts'
import type { Hash } from './desired.ts'
import { foundReplica, type ReplicaRole } from './found.ts'
import type { Line } from './lines.ts'
import { Loop } from './loop.ts'
import { acceptFromLauncher, acceptFromReplica, acceptHello } from './messages.ts'
import { Peers } from './peers.ts'
import { type Obituary, showObituary } from './obituary.ts'
import { Recovery } from './recovery.ts'
import type { Machine } from './resources.ts'

const IDLE_CHECK_MS = 5

type Which = Pick<ReplicaRole, 'deployment' | 'replica'>

/** The replica processes, as the controller needs them. */
export interface ReplicaProcesses {
  start(settings: ReplicaSettings): void
  adopt(which: Which, pid: number): void
  pidOf(replica: ReplicaId): number | undefined
  kill(replica: ReplicaId): void
}

/** A controller that did not leave by itself. */
export interface Former {
  /** Its replicas, but for those that are surely dead. */
  readonly replicas: readonly ReplicaId[]
  /** What should run; undefined: that is not known any more, until somebody says it. */
  readonly applications: readonly ApplicationSpec[] | undefined
}

export interface ControllerOptions {
  readonly processes: ReplicaProcesses
  readonly clock: Clock
  readonly random: Random
  readonly hash: Hash
  readonly machine: Machine
  readonly tableVersion: number
  /** What a controller before this one has left, if it did not leave by itself. */
  readonly former: Former | undefined
  /** @throws ServeError `checkpoint_failed` */
  readonly save: (applications: readonly ApplicationSpec[]) => void
  readonly log: (line: Line) => void
}

/** Ties what happens on the control channel and to the processes to the loop. */
export class Controller {
  readonly #options: ControllerOptions
  readonly #peers: Peers
  readonly #loop: Loop
  readonly #recovery: Recovery
  #isShuttingDown = false

  constructor(options: ControllerOptions) {
    const { processes, log } = options
    this.#options = options
    this.#peers = new Peers({
      clock: options.clock,
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
        changed: () => this.#tellStatus(),
        log,
      },
    })
    this.#recovery = new Recovery({
      replicas: options.former?.replicas ?? [],
      clock: options.clock,
      done: () => this.#loop.release(),
    })
    if (options.former !== undefined) this.#loop.hold()
    if (options.former?.applications !== undefined) this.#restore(options.former.applications)
  }

  /** @throws ServeError if this process may not take part */
  accept(raw: unknown): Hello {
    const hello = acceptHello(raw)
    if (hello.role.kind === 'replica') {
      const { replica } = hello.role
      const pid = this.#options.processes.pidOf(replica)
      if (pid !== undefined && pid !== hello.pid) {
        throw new ServeError('message_invalid', `replica ${replica} is process ${pid}, not ${hello.pid}`)
      }
    }
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
      case 'launcher': {
        const request = acceptFromLauncher(message)
        if (request.type === 'deploy') this.deploy(request.application)
        else await this.shutDown()
        return undefined
      }
      case 'replica':
        this.#receive(role, acceptFromReplica(message))
        return undefined
      case 'proxy':
        throw new ServeError('message_invalid', 'a proxy asks nothing of the controller')
    }
  }

  deploy(application: ApplicationSpec): void {
    if (this.#isShuttingDown) {
      const text = 'Ignoring deploy_applications request because Serve controller is shutting down.'
      this.#options.log({ level: 'warning', text, fileOnly: true })
      return
    }
    this.#loop.deploy(application)
    this.#recovery.know()
  }

  /** Drains every replica and resolves when the last one has gone. */
  async shutDown(): Promise<void> {
    this.#isShuttingDown = true
    this.#recovery.end()
    this.#loop.clear()
    await new Promise<void>((resolve) => {
      const look = () => (this.#loop.isEmpty() ? resolve() : void this.#options.clock.after(IDLE_CHECK_MS, look))
      look()
    })
  }

  exited({ deployment, replica }: Which, obituary: Obituary): void {
    this.#loop.tell({
      on: 'exited',
      deployment,
      replica,
      error: { code: 'internal', message: showObituary(obituary) },
      lastLines: obituary.lastLines,
    })
  }

  /** Undefined: it is not frozen any more. */
  frozen({ deployment, replica }: Which, error: ErrorReport | undefined): void {
    const which = { deployment, replica }
    this.#loop.tell(error === undefined ? { ...which, on: 'thawed' } : { ...which, on: 'frozen', error })
  }

  #restore(applications: readonly ApplicationSpec[]): void {
    for (const { name } of applications) {
      this.#options.log({ level: 'info', text: `Recovering target state for application '${name}' from checkpoint.` })
    }
    this.#loop.restore(applications)
    this.#recovery.know()
  }

  #greet(role: ReplicaRole, pid: number): void {
    const known = this.#loop.phaseOf(role.deployment, role.replica)
    if (known === undefined) this.#take(role, pid)
    else {
      this.#hear(role, role.phase)
      this.#receive(role, { type: 'health', health: role.health })
    }
    const phase = this.#loop.phaseOf(role.deployment, role.replica)
    if (phase?.name === 'draining') this.#peers.drain(role.replica, role.drainTimeoutMs)
    this.#recovery.heard(role.replica)
  }

  /** Takes over a replica that a former controller started. */
  #take(role: ReplicaRole, pid: number): void {
    const { deployment, replica } = role
    this.#options.processes.adopt({ deployment, replica }, pid)
    this.#loop.tell({ on: 'found', deployment, found: foundReplica(role, this.#options.clock.now()) })
  }

  #receive({ deployment, replica }: Which, message: FromReplica): void {
    if (message.type === 'replica') this.#hear({ deployment, replica }, message.phase)
    else this.#loop.tell({ on: 'checked', deployment, replica, health: message.health })
  }

  #hear({ deployment, replica }: Which, phase: ReplicaReport): void {
    switch (phase.name) {
      case 'running':
        return this.#loop.tell({ on: 'running', deployment, replica, address: phase.address })
      case 'failed':
        return this.#loop.tell({ on: 'failed', deployment, replica, error: phase.error })
      case 'draining':
        return this.#loop.tell({ on: 'leaving', deployment, replica })
      case 'starting':
        return
    }
  }

  async #reconfigure(which: Which, request: Reconfigure, timeoutMs: number): Promise<void> {
    const { config } = request
    try {
      await this.#peers.reconfigure(which.replica, request, timeoutMs)
      this.#loop.tell({ ...which, on: 'reconfigured', config })
    } catch (error) {
      this.#loop.tell({ ...which, on: 'not reconfigured', config, error: report(error) })
    }
  }

  #tellStatus(): void {
    const { count, isAll } = this.#peers.withTable(this.#loop.table?.version)
    const applications = this.#loop.statuses().map((status) => ({ ...status, routed: isAll }))
    this.#peers.tell({ type: 'status', proxies: count, applications })
  }
}
