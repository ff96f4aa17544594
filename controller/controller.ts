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

/** A restarted controller that knows what shall run waits so long for the replicas of the one before it. */
const RECOVERY_MS = 5_000
const IDLE_CHECK_MS = 5

type Which = Pick<ReplicaRole, 'deployment' | 'replica'>

/** The replica processes, as the controller needs them. */
export interface ReplicaProcesses {
  start(settings: ReplicaSettings): void
  adopt(which: Which, pid: number): void
  pidOf(replica: ReplicaId): number | undefined
  kill(replica: ReplicaId): void
}

export interface ControllerOptions {
  readonly processes: ReplicaProcesses
  readonly clock: Clock
  readonly random: Random
  readonly hash: Hash
  readonly cpus: number
  readonly tableVersion: number
  /** What a controller before this one has left, if it did not leave by itself: the replicas that serve. */
  readonly former: readonly ReplicaId[] | undefined
  readonly log: (line: Line) => void
}

/** Ties what happens on the control channel and to the processes to the loop. */
export class Controller {
  readonly #options: ControllerOptions
  readonly #peers: Peers
  readonly #loop: Loop
  readonly #awaited: Set<ReplicaId>
  #hasDeployed = false
  #isShuttingDown = false

  constructor(options: ControllerOptions) {
    const { processes, log } = options
    this.#options = options
    this.#awaited = new Set(options.former ?? [])
    this.#peers = new Peers({
      clock: options.clock,
      problem: (text) => log({ level: 'warning', text, fileOnly: true }),
      changed: () => this.#tellStatus(),
    })
    this.#loop = new Loop({
      ...options,
      effects: {
        start: (settings) => processes.start(settings),
        reconfigure: (which, request, timeoutMs) => void this.#reconfigure(which, request, timeoutMs),
        drain: (replica, timeoutMs) => this.#peers.drain(replica, timeoutMs),
        kill: (replica) => processes.kill(replica),
        publish: (table) => this.#peers.publish(table),
        changed: () => this.#tellStatus(),
        log,
      },
    })
    // Not to know yet what shall run is not to want nothing: until somebody says it, nobody is drained.
    if (options.former !== undefined) this.#loop.hold()
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
    if (!this.#hasDeployed) this.#options.clock.after(RECOVERY_MS, () => this.#endRecovery())
    this.#hasDeployed = true
    this.#loop.deploy(application)
    this.#endRecoveryIfComplete()
  }

  /** Drains every replica and resolves when the last one has gone. */
  async shutDown(): Promise<void> {
    this.#isShuttingDown = true
    this.#endRecovery()
    this.#loop.clear()
    await new Promise<void>((resolve) => {
      const look = () => (this.#loop.isEmpty() ? resolve() : void this.#options.clock.after(IDLE_CHECK_MS, look))
      look()
    })
  }

  exited({ deployment, replica }: Which, how: string): void {
    this.#loop.tell({
      on: 'exited',
      deployment,
      replica,
      error: { code: 'internal', message: `its process ended with ${how}` },
    })
  }

  /** Undefined: it is not frozen any more. */
  frozen({ deployment, replica }: Which, error: ErrorReport | undefined): void {
    const which = { deployment, replica }
    this.#loop.tell(error === undefined ? { ...which, on: 'thawed' } : { ...which, on: 'frozen', error })
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
    this.#awaited.delete(role.replica)
    this.#endRecoveryIfComplete()
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

  #endRecoveryIfComplete(): void {
    if (this.#awaited.size === 0 && this.#hasDeployed) this.#endRecovery()
  }

  #endRecovery(): void {
    this.#awaited.clear()
    this.#loop.release()
  }

  #tellStatus(): void {
    const { count, isAll } = this.#peers.withTable(this.#loop.table?.version)
    const applications = this.#loop.statuses().map((status) => ({ ...status, routed: isAll }))
    this.#peers.tell({ type: 'status', proxies: count, applications })
  }
}
