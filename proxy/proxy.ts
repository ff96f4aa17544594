import type { Server } from 'node:http'
import type { Clock } from '../shared/clock.ts'
import type { Random } from '../shared/ids.ts'
import type { EndpointTable } from '../shared/protocol.ts'
import type { HttpSettings } from '../shared/settings.ts'
import type { Credentials } from '../shared/tls.ts'
import type { Interrupted } from './deliver.ts'
import type { AccessLine } from './exchange.ts'
import type { Limits } from './listener.ts'

export interface ProxyOptions {
  readonly http: HttpSettings
  /** undefined: HTTP without TLS. */
  readonly credentials?: Credentials | undefined
  /** @default LIMITS */
  readonly limits?: Limits
  /** Called once for every request but those to `/-/healthz` and `/-/routes`. */
  readonly access: (line: AccessLine) => void
  /** A request failed for a reason that its client is not told. */
  readonly problem: (text: string, about: { readonly requestId: string }) => void
  readonly interrupted: Interrupted
  /** The first table is in force, or one that leads other routes to other deployments; `text` shows them as Ray does. */
  readonly updated: (text: string) => void
  readonly clock: Clock
  readonly random: Random
  /** A fresh request id. */
  readonly newId: () => string
}

export interface Gauges {
  /** Requests that are not finished. */
  readonly ongoing: number
  /** Of these, the ones that wait for a replica, */
  readonly queued: number
  /** and the ones that have one. */
  readonly leased: number
}

export interface ProxyServer {
  /** Its settings are made; to be listened on, best after the first table, before which every answer is 503. */
  readonly server: Server
  readonly gauges: Gauges
  /** Puts a newer table in force; an older one is ignored. Waiting requests go on at once when a replica appears. */
  accept(table: EndpointTable): void
  /**
   * Stops accepting connections, lets ongoing requests finish for at most `graceMs`, then cuts them off. WebSockets are
   * closed with 1012 shortly before.
   */
  close(graceMs: number): Promise<void>
}
