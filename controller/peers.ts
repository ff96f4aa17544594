import type { Peer } from './channel-server.ts'
import type { ProxyDetails } from './details.ts'
import type { Clock } from '../shared/clock.ts'
import type { LoggingConfig } from '../shared/config/resolved.ts'
import { messageOf, ServeError } from '../shared/errors.ts'
import type { ReplicaId } from '../shared/ids.ts'
import type { EndpointTable, Reconfigure, Role, Status } from '../shared/protocol.ts'
import type { ProxyState } from '../shared/statuses.ts'

/** A drain waits no longer for a slow proxy to take the replica out; what it still sends there is refused, and repeated. */
const PUBLISH_WAIT_MS = 2_000
/** A proxy that stood still may answer late, and has the table nevertheless. */
const PUBLISH_TIMEOUT_MS = 60_000
const STATUS_TIMEOUT_MS = 10_000

interface Proxy {
  readonly role: Role & { readonly kind: 'proxy' }
  /** Of the endpoint table that it has in force; -1: none. */
  version: number
  /** It has not taken a table in time. */
  isLate: boolean
  isDraining: boolean
}

/** Who is connected, and which endpoint table each proxy has in force. */
export class Peers {
  readonly #launchers = new Set<Peer>()
  readonly #proxies = new Map<Peer, Proxy>()
  readonly #replicas = new Map<ReplicaId, Peer>()
  readonly #clock: Clock
  readonly #problem: (text: string) => void
  readonly #changed: () => void
  #lastStatus = ''
  /** undefined: nobody has said so far, and proxies log as they did. */
  #logging: LoggingConfig | undefined

  constructor(options: {
    clock: Clock
    problem: (text: string) => void
    /** A proxy has another table in force. */
    changed: () => void
  }) {
    this.#clock = options.clock
    this.#problem = options.problem
    this.#changed = options.changed
  }

  add(peer: Peer): void {
    const { role } = peer.hello
    switch (role.kind) {
      case 'launcher':
        this.#launchers.add(peer)
        this.#lastStatus = ''
        break
      case 'proxy':
        this.#proxies.set(peer, { role, version: -1, isLate: false, isDraining: false })
        if (this.#logging !== undefined) void this.#tellLogging(peer, this.#logging)
        break
      case 'replica':
        this.#replicas.set(role.replica, peer)
        break
    }
  }

  remove(peer: Peer): void {
    this.#launchers.delete(peer)
    this.#proxies.delete(peer)
    const { role } = peer.hello
    if (role.kind === 'replica' && this.#replicas.get(role.replica) === peer) this.#replicas.delete(role.replica)
  }

  /** All proxies, also those that come later, are to log so. */
  setLogging(config: LoggingConfig): void {
    if (JSON.stringify(config) === JSON.stringify(this.#logging)) return
    this.#logging = config
    for (const proxy of this.#proxies.keys()) void this.#tellLogging(proxy, config)
  }

  async #tellLogging(peer: Peer, loggingConfig: LoggingConfig): Promise<void> {
    try {
      await peer.request({ type: 'logging', loggingConfig }, { timeoutMs: PUBLISH_TIMEOUT_MS })
    } catch (error) {
      this.#problem(`proxy with pid ${peer.hello.pid} was not told how to log: ${messageOf(error)}`)
    }
  }

  /** How many proxies have this table in force, and whether that is all of them. */
  withTable(version: number | undefined): { readonly count: number; readonly isAll: boolean } {
    const held = Array.from(this.#proxies.values(), (proxy) => proxy.version)
    const count = held.filter((v) => v === version).length
    return { count, isAll: held.length > 0 && count === held.length }
  }

  proxies(): ProxyDetails[] {
    return Array.from(this.#proxies, ([{ hello }, proxy]) => {
      const { node, index, logFile } = proxy.role
      return { node, index, pid: hello.pid, logFile, status: stateOf(proxy) }
    })
  }

  /** It leaves as soon as it can. */
  drains(peer: Peer): void {
    const proxy = this.#proxies.get(peer)
    if (proxy !== undefined) proxy.isDraining = true
    this.#changed()
  }

  /** Settles, and never rejects, when every proxy has the table or has had its time. */
  publish(table: EndpointTable): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#clock.after(PUBLISH_WAIT_MS, () => {
        for (const proxy of this.#proxies.values()) if (proxy.version < table.version) proxy.isLate = true
        this.#changed()
        resolve()
      })
      void Promise.all([...this.#proxies.keys()].map((proxy) => this.publishTo(proxy, table))).then(() => {
        cancel()
        return resolve()
      })
    })
  }

  async publishTo(peer: Peer, table: EndpointTable): Promise<void> {
    try {
      await peer.request({ type: 'endpoints', table }, { timeoutMs: PUBLISH_TIMEOUT_MS })
      const proxy = this.#proxies.get(peer)
      if (proxy !== undefined) Object.assign(proxy, { version: Math.max(proxy.version, table.version), isLate: false })
      this.#changed()
    } catch (error) {
      this.#problem(`proxy with pid ${peer.hello.pid} did not take the endpoint table: ${messageOf(error)}`)
    }
  }

  drain(replica: ReplicaId, timeoutMs: number): void {
    const peer = this.#replicas.get(replica)
    // One that is not connected hears it when it says hello.
    peer?.request({ type: 'drain', timeoutMs }, { timeoutMs }).catch(() => undefined)
  }

  /** Settles when the replica has taken it over; rejects when it cannot, or is not there. */
  async reconfigure(replica: ReplicaId, request: Reconfigure, timeoutMs: number): Promise<void> {
    const peer = this.#replicas.get(replica)
    if (peer === undefined) throw new ServeError('channel_closed', `replica ${replica} is not connected`)
    await peer.request(request, { timeoutMs })
  }

  /** Asks the launcher to end the cluster; returns its pid, if there is one. */
  askToLeave(reason: string): number | undefined {
    for (const launcher of this.#launchers) {
      launcher.request({ type: 'leave', reason }, { timeoutMs: STATUS_TIMEOUT_MS }).catch((error: unknown) => {
        this.#problem(`the launcher was not asked to leave: ${messageOf(error)}`)
      })
    }
    return [...this.#launchers][0]?.hello.pid
  }

  /** Tells every launcher, if there is news. */
  tell(status: Status): void {
    const text = JSON.stringify(status)
    if (text === this.#lastStatus) return
    this.#lastStatus = text
    for (const launcher of this.#launchers) {
      launcher.request(status, { timeoutMs: STATUS_TIMEOUT_MS }).catch((error: unknown) => {
        this.#problem(`the launcher did not take the status: ${messageOf(error)}`)
      })
    }
  }
}

function stateOf({ version, isLate, isDraining }: Proxy): ProxyState {
  if (isDraining) return 'DRAINING'
  if (isLate) return 'UNHEALTHY'
  return version === -1 ? 'STARTING' : 'HEALTHY'
}
