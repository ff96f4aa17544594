import type { Instant } from '../shared/clock.ts'
import { Connection, type Owner, type Surroundings } from './connection.ts'

/** Well below the time after which replicas close idle connections, so that the proxy is the one that does it. */
const IDLE_MS = 60_000

interface Idle {
  readonly connection: Connection
  readonly since: Instant
}

/**
 * The connections to one replica. The one that was used last goes first, so that those of a peak fall idle and are
 * closed.
 */
export class Connections {
  readonly #address: string
  readonly #surroundings: Surroundings
  readonly #owner: Owner
  /** The longest idle first. */
  readonly #idle: Idle[] = []
  readonly #all = new Set<Connection>()
  #isClosed = false
  #cancelSweep: (() => void) | undefined

  constructor(address: string, surroundings: Surroundings) {
    this.#address = address
    this.#surroundings = surroundings
    this.#owner = { free: (connection) => this.#free(connection), gone: (connection) => this.#gone(connection) }
  }

  /** For one request. */
  take(): Connection {
    const idle = this.#idle.pop()
    if (idle !== undefined) return idle.connection
    const connection = new Connection(this.#address, this.#owner, this.#surroundings)
    this.#all.add(connection)
    return connection
  }

  /** What is still ongoing is broken off. */
  close(): void {
    this.#isClosed = true
    this.#cancelSweep?.()
    this.#idle.length = 0
    for (const connection of this.#all) connection.close()
  }

  #free(connection: Connection): void {
    if (this.#isClosed) return connection.close()
    this.#idle.push({ connection, since: this.#surroundings.clock.now() })
    this.#cancelSweep ??= this.#surroundings.clock.after(IDLE_MS, () => this.#sweep())
  }

  #gone(connection: Connection): void {
    this.#all.delete(connection)
    const at = this.#idle.findIndex((idle) => idle.connection === connection)
    if (at >= 0) this.#idle.splice(at, 1)
  }

  #sweep(): void {
    const now = this.#surroundings.clock.now()
    const kept = this.#idle.findIndex(({ since }) => now - since < IDLE_MS)
    const old = this.#idle.splice(0, kept < 0 ? this.#idle.length : kept)
    for (const { connection } of old) connection.close()
    const [first] = this.#idle
    this.#cancelSweep = first && this.#surroundings.clock.after(first.since + IDLE_MS - now, () => this.#sweep())
  }
}
