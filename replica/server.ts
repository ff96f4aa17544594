import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import type { AccessFacts } from '../shared/access.ts'
import type { Clock, Instant } from '../shared/clock.ts'
import { REFUSED_HEADER } from '../shared/headers.ts'
import type { LiveConfig } from '../shared/protocol.ts'
import { withRequest } from './context.ts'
import type { Servable } from './deployment.ts'
import { routePattern } from './route-pattern.ts'
import { withoutPrefix } from './route-prefix.ts'
import { userStack } from './user-stack.ts'

/** One handled request, for the access log. */
export interface Access extends AccessFacts {
  readonly requestId: string
}

export interface ReplicaServerOptions {
  readonly servable: Servable
  /** The Unix socket. */
  readonly address: string
  readonly live: LiveConfig
  readonly clock: Clock
  readonly access: (access: Access) => void
  /** User code threw: what to log. The client sees nothing of it. */
  readonly failed: (text: string, requestId: string) => void
}

/** The proxy keeps connections for reuse; only it closes idle ones, so that it never writes to one that is closing. */
const KEEP_ALIVE_MS = 10 * 60_000

/** Serves a deployment on its Unix socket. Its count of ongoing requests is the one that decides. */
export class ReplicaServer {
  readonly #options: ReplicaServerOptions
  readonly #server: Server
  readonly #listener: ReturnType<typeof getRequestListener>
  #live: LiveConfig
  #ongoing = 0
  #isDraining = false
  #drained: () => void = () => {}

  constructor(options: ReplicaServerOptions) {
    this.#options = options
    this.#live = options.live
    this.#listener = getRequestListener((request, env) => this.#fetch(request, env))
    this.#server = createServer((incoming, outgoing) => this.#handle(incoming, outgoing))
    this.#server.keepAliveTimeout = KEEP_ALIVE_MS
    // The proxy guards against slow clients; a second clock here would only cut off long uploads.
    this.#server.requestTimeout = 0
    this.#server.headersTimeout = 0
  }

  /** For the requests that come from now on. */
  update(live: LiveConfig): void {
    this.#live = live
  }

  listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(this.#options.address, resolve)
    })
  }

  /**
   * Refuses new requests, and resolves when the last one is finished. The socket stays open until the process ends:
   * http.Server's own close would, on Node 20, destroy connections whose last answer is written but not yet sent.
   */
  drain(): Promise<void> {
    this.#isDraining = true
    const done = new Promise<void>((resolve) => {
      this.#drained = resolve
    })
    this.#settle()
    return done
  }

  #settle(): void {
    if (this.#isDraining && this.#ongoing === 0) this.#drained()
  }

  #handle(incoming: IncomingMessage, outgoing: ServerResponse): void {
    if (this.#isDraining || this.#ongoing >= this.#live.maxOngoingRequests) {
      outgoing.writeHead(503, { [REFUSED_HEADER]: '1', 'content-length': 0 }).end()
      return
    }
    const routePrefix = this.#live.routePrefix ?? '/'
    const start = this.#options.clock.now()
    const requestId = String(incoming.headers['x-request-id'] ?? '')
    const url = withoutPrefix(incoming.url ?? '/', routePrefix)
    incoming.url = url
    this.#ongoing += 1
    outgoing.once('close', () => this.#finish({ incoming, outgoing, url, routePrefix, requestId, start }))
    withRequest({ requestId }, () => void this.#listener(incoming, outgoing))
  }

  #finish({ incoming, outgoing, url, routePrefix, requestId, start }: Handled): void {
    this.#ongoing -= 1
    const { access, servable, clock } = this.#options
    const method = incoming.method ?? ''
    const prefix = routePrefix === '/' ? '' : routePrefix
    const pattern = routePattern(servable, method, url.split('?', 1)[0] ?? '/')
    access({
      requestId,
      method,
      route: pattern === undefined ? routePrefix : prefix + pattern,
      status: outgoing.writableFinished ? outgoing.statusCode : 'CANCELLED',
      durationMs: clock.now() - start,
    })
    setImmediate(() => this.#settle())
  }

  async #fetch(request: Request, env: { incoming: { headers: IncomingMessage['headers'] } }): Promise<Response> {
    try {
      return await this.#options.servable.fetch(request, env)
    } catch (error) {
      if (!request.signal.aborted) {
        this.#options.failed(`Request failed.\n${userStack(error)}`, String(env.incoming.headers['x-request-id'] ?? ''))
      }
      return new Response('Internal Server Error', { status: 500 })
    }
  }
}

interface Handled {
  readonly incoming: IncomingMessage
  readonly outgoing: ServerResponse
  readonly url: string
  readonly routePrefix: string
  readonly requestId: string
  readonly start: Instant
}
