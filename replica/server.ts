import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import type { AccessFacts } from '../shared/access.ts'
import type { Clock, Instant } from '../shared/clock.ts'
import { rawHeader, REFUSED_HEADER, takePrefix } from '../shared/headers.ts'
import { FAREWELL_MS } from '../shared/leaving.ts'
import type { LiveConfig } from '../shared/config/resolved.ts'
import { openUpgrade } from '../shared/upgrade.ts'
import { Admission } from './admission.ts'
import { ingressOf, internalError, isResponse } from './answer.ts'
import { type RequestContext, withRequest } from './context.ts'
import { describe, type Ingress, type Servable } from './deployment.ts'
import { Incoming } from './incoming.ts'
import { Outgoing, refuseAnswer } from './outgoing.ts'
import { routePattern } from './route-pattern.ts'
import { withoutPrefix, withoutQuery } from './route-prefix.ts'
import { userStack } from './user-stack.ts'
import { type Env, Handshake, WebSockets } from './websocket.ts'

/** One handled request, for the access log. */
export interface Access extends AccessFacts {
  readonly requestId: string
}

/** What may change while it serves. */
type Served = Pick<LiveConfig, 'maxOngoingRequests'>

export interface ReplicaServerOptions {
  readonly servable: Servable
  /** The Unix socket. */
  readonly address: string
  readonly live: Served
  readonly clock: Clock
  readonly access: (access: Access) => void
  /** User code threw: what to log. The client sees nothing of it. */
  readonly failed: (text: string, requestId: string) => void
}

/** The proxy keeps connections for reuse; only it closes idle ones, so that it never writes to one that is closing. */
const KEEP_ALIVE_MS = 10 * 60_000

/** The proxy is the one that limits heads, and adds headers of its own. */
const MAX_HEAD_BYTES = 64 * 1024

/** Serves a deployment on its Unix socket. */
export class ReplicaServer {
  readonly #options: ReplicaServerOptions
  readonly #server: Server
  readonly #ingress: Ingress
  readonly #listener: ReturnType<typeof getRequestListener>
  readonly #admission: Admission
  readonly #webSockets = new WebSockets()

  constructor(options: ReplicaServerOptions) {
    this.#options = options
    this.#admission = new Admission(options.live.maxOngoingRequests, options.clock)
    this.#ingress = ingressOf(options.servable)
    this.#listener = getRequestListener((request, env) => this.#fetch(request, env))
    const settings = { IncomingMessage: Incoming, ServerResponse: Outgoing, maxHeaderSize: MAX_HEAD_BYTES }
    this.#server = createServer(settings, (incoming, outgoing) => this.#handle(incoming, outgoing))
    // The proxy sends none but handshakes of WebSockets here.
    this.#server.on('upgrade', (incoming, _socket, head) => {
      const upgrade = openUpgrade(incoming, head)
      this.#handle(incoming, upgrade.response, new Handshake(upgrade))
    })
    this.#server.keepAliveTimeout = KEEP_ALIVE_MS
    // The proxy guards against slow clients; a second clock here would only cut off long uploads.
    this.#server.requestTimeout = 0
    this.#server.headersTimeout = 0
  }

  /** For the requests that come from now on. */
  update(live: Served): void {
    this.#admission.limit(live.maxOngoingRequests)
  }

  listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(this.#options.address, resolve)
    })
  }

  /**
   * Refuses new requests, and resolves when the last one is finished. WebSockets that are still open when `timeoutMs` are
   * about to be over are closed with 1012. The socket stays open until the process ends:
   * http.Server's own close would, on Node 20, destroy connections whose last answer is written but not yet sent.
   */
  async drain(timeoutMs: number): Promise<void> {
    const lastsMs = Math.max(timeoutMs - FAREWELL_MS, timeoutMs / 2)
    this.#options.clock.after(lastsMs, () => void this.#webSockets.restart())
    await this.#admission.drain()
    await new Promise((resolve) => setImmediate(resolve))
  }

  #handle(incoming: IncomingMessage, outgoing: ServerResponse, handshake?: Handshake): void {
    let handled: Handled | undefined
    const leave = this.#admission.enter({
      admit: () => {
        handled = this.#toHandle(incoming, outgoing, handshake)
        this.#serve(handled)
      },
      refuse: (because) => outgoing.writeHead(503, { [REFUSED_HEADER]: because, 'content-length': 0 }).end(),
    })
    outgoing.once('close', () => {
      if (handled !== undefined) this.#finish(handled)
      leave()
    })
  }

  #toHandle(incoming: IncomingMessage, outgoing: ServerResponse, handshake: Handshake | undefined): Handled {
    const routePrefix = takePrefix(incoming)
    const target = incoming.url ?? '/'
    const url = withoutPrefix(target, routePrefix)
    const requestId = rawHeader(incoming.rawHeaders, 'x-request-id') ?? ''
    const context = { requestId, routePrefix, path: withoutQuery(target) }
    return { incoming, outgoing, handshake, url, context, start: this.#options.clock.now() }
  }

  #serve({ incoming, outgoing, handshake, url, context }: Handled): void {
    incoming.url = url
    const listener =
      handshake === undefined
        ? this.#listener
        : getRequestListener((request, env) => this.#upgrade(request, env as Env, handshake))
    const served = withRequest(context, listener, incoming, outgoing)
    served.catch((error: unknown) => {
      this.#failed(error, context.requestId)
      refuseAnswer(outgoing)
    })
  }

  #finish({ incoming, outgoing, handshake, url, context, start }: Handled): void {
    const { access, servable, clock } = this.#options
    const { requestId, routePrefix } = context
    const method = incoming.method ?? ''
    const prefix = routePrefix === '/' ? '' : routePrefix
    const pattern = routePattern(servable, method, withoutQuery(url))
    access({
      requestId,
      method: handshake === undefined ? method : 'WS',
      route: pattern === undefined ? routePrefix : prefix + pattern,
      status: handshake?.closeCode ?? (outgoing.writableFinished ? outgoing.statusCode : 'CANCELLED'),
      durationMs: clock.now() - start,
    })
  }

  /** An ordinary answer, unless the handler has called `upgradeWebSocket` and nothing behind it objects. */
  async #upgrade(request: Request, env: Env, handshake: Handshake): Promise<Response> {
    const response = await this.#fetch(request, handshake.environment(env))
    if (!handshake.isWanted || !response.ok) return response
    await this.#webSockets.open(handshake, env.incoming, response)
    return RESPONSE_ALREADY_SENT
  }

  /** At once if the handler answers at once: each promise costs, and more where AsyncLocalStorage follows it. */
  #fetch(request: Request, env: Surroundings): Response | Promise<Response> {
    try {
      const returned: unknown = this.#ingress.fetch(request, env)
      return isResponse(returned) ? given(returned, env) : this.#answer(returned, request, env)
    } catch (error) {
      return this.#refusal(error, request, env)
    }
  }

  async #answer(promised: unknown, request: Request, env: Surroundings): Promise<Response> {
    try {
      return given(await promised, env)
    } catch (error) {
      return this.#refusal(error, request, env)
    }
  }

  #refusal(error: unknown, request: Request, { incoming }: Surroundings): Response {
    if (!request.signal.aborted) this.#failed(error, rawHeader(incoming.rawHeaders, 'x-request-id') ?? '')
    return internalError()
  }

  #failed(error: unknown, requestId: string): void {
    this.#options.failed(`Request failed.\n${userStack(error)}`, requestId)
  }
}

/** What @hono/node-server tells with a request. */
interface Surroundings {
  readonly incoming: { readonly rawHeaders: readonly string[] }
  readonly outgoing: object
}

interface Handled {
  readonly incoming: IncomingMessage
  readonly outgoing: ServerResponse
  readonly handshake: Handshake | undefined
  readonly url: string
  readonly context: RequestContext
  readonly start: Instant
}

function given(response: unknown, { outgoing }: Surroundings): Response {
  if (!isResponse(response)) throw new TypeError(`fetch() returned ${describe(response)}, not a Response`)
  if (outgoing instanceof Outgoing) outgoing.givenStatus = response.status
  return response
}
