import { urlOf } from '../shared/dashboard.ts'
import type { Session } from '../shared/session.ts'
import type { HttpAddress } from '../shared/settings.ts'
import type { Environment } from '../shared/variables.ts'
import { bindSocket, DASHBOARD_FLAGS, HTTP_FLAGS, type ListeningSocket } from './listening-socket.ts'
import type { ProcfileEntry } from './procfile.ts'
import { clusterEnvironment, type Standing, standing } from './standing.ts'

export interface SocketsOptions {
  /** 0: no HTTP at all. */
  readonly proxies: number
  readonly isHttps: boolean
  readonly address: HttpAddress
  /** Of the REST API. */
  readonly dashboard: HttpAddress
  readonly session: Session
  readonly env: Environment
  /** From where relative directories count that clients of the REST API name. */
  readonly workingDir: string
}

/** The sockets that the launcher holds: the one of the proxies, and the one of the REST API. */
export class Sockets {
  readonly #options: SocketsOptions
  readonly #http: ListeningSocket | undefined
  readonly #dashboard: ListeningSocket | undefined

  /** @throws ServeError `port_unavailable` */
  constructor(options: SocketsOptions) {
    this.#options = options
    this.#http = options.proxies === 0 ? undefined : bindSocket(options.address, HTTP_FLAGS)
    this.#dashboard = bindSocket(options.dashboard, DASHBOARD_FLAGS)
  }

  /** Of what is below a route prefix. */
  url(routePrefix: string): string {
    const url = urlOf(this.#http?.address ?? this.#options.address)
    return `${this.#options.isHttps ? url.replace('http:', 'https:') : url}${routePrefix}`
  }

  /** What every process of the cluster is told. */
  environment(): Environment {
    const { address, dashboard } = this.#options
    const bound = { address: this.#http?.address ?? address, dashboard: this.#dashboard?.address ?? dashboard }
    return clusterEnvironment({ ...this.#options, ...bound })
  }

  /** The processes of a Procfile, each with what it needs of this. */
  standing(entries: readonly ProcfileEntry[]): Standing[] {
    return standing(entries, {
      env: this.environment(),
      proxies: this.#options.proxies,
      sockets: descriptorsOf(this.#http),
      dashboardSockets: descriptorsOf(this.#dashboard),
    })
  }

  /** Held any longer, it would let new connections wait for nobody. */
  closeHttp(): void {
    this.#http?.close()
  }

  close(): void {
    this.#http?.close()
    this.#dashboard?.close()
  }
}

function descriptorsOf(socket: ListeningSocket | undefined): number[] {
  return socket === undefined ? [] : [socket.fd]
}
