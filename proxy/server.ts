import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { Server as NetServer, type Socket } from 'node:net'
import type { Clock } from '../shared/clock.ts'
import type { Random } from '../shared/ids.ts'
import type { EndpointTable } from '../shared/protocol.ts'
import type { HttpSettings } from '../shared/settings.ts'
import * as answers from './answers.ts'
import { deliver, type Result } from './deliver.ts'
import { type AccessLine, accessLine, cut, deliveryOf, type Exchange, reply } from './exchange.ts'
import { createTransport, type Transport } from './forward.ts'
import { framing, requestId } from './headers.ts'
import { isHost, readTarget, type Target } from './match.ts'
import { Routing } from './routing.ts'
import { listRoutes } from './table.ts'

export interface ProxyOptions {
  readonly http: HttpSettings
  /** Called once for every request but those to `/-/healthz` and `/-/routes`. */
  readonly access: (line: AccessLine) => void
  /** A request failed for a reason that its client is not told. */
  readonly problem: (text: string, about: { readonly requestId: string }) => void
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
  /** Stops accepting connections, lets ongoing requests finish for at most `graceMs`, then cuts them off. */
  close(graceMs: number): Promise<void>
}

export function createProxy(options: ProxyOptions): ProxyServer {
  return new HttpProxy(options)
}

const SETTINGS = {
  /** A head that takes longer is answered 408. */
  headersTimeout: 60_000,
  /** A body may take any time: a limit would break large uploads on slow lines. */
  requestTimeout: 0,
  /** Checked below, so that this answer too has a request id. */
  requireHostHeader: false,
  /** Of two Host headers Node would show the first; joined, they are no host. */
  joinDuplicateHeaders: true,
}

class HttpProxy implements ProxyServer {
  readonly server: Server
  readonly #options: ProxyOptions
  readonly #transport: Transport
  readonly #routing: Routing
  readonly #connections = new Map<Socket, Set<Exchange>>()
  #isClosing = false

  constructor(options: ProxyOptions) {
    this.#options = options
    const { clock, random, http } = options
    this.#transport = createTransport(clock)
    this.#routing = new Routing({ clock, random, left: (replica) => this.#transport.drop(replica) })
    const handle = (request: IncomingMessage, response: ServerResponse): void => this.#handle(request, response)
    // Without a listener for `clientError` Node itself answers malformed requests (400, 408, 431) and closes; without
    // one for `upgrade` such a request is an ordinary one, as RFC 9110, 7.8 allows and clients that offer h2c expect.
    this.server = createServer({ ...SETTINGS, keepAliveTimeout: http.keepAliveTimeoutS * 1000 }, handle)
    this.server.on('checkExpectation', handle)
    this.server.on('connect', (_request, socket) => {
      socket.on('error', () => {})
      socket.end('HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n', () => socket.destroy())
    })
    this.server.on('connection', (socket) => this.#connect(socket))
  }

  get gauges(): Gauges {
    const ongoing = [...this.#connections.values()].reduce((sum, { size }) => sum + size, 0)
    return { ongoing, queued: this.#routing.queued, leased: this.#routing.leased }
  }

  accept(table: EndpointTable): void {
    const endpoints = this.#routing.accept(table)
    if (endpoints !== undefined) this.#options.updated(endpoints)
  }

  async close(graceMs: number): Promise<void> {
    this.#isClosing = true
    // Not http.Server's own close: on Node 20 it destroys connections whose last answer is written but not yet sent.
    const closed = new Promise((resolve) => NetServer.prototype.close.call(this.server, resolve))
    for (const [socket, exchanges] of this.#connections) {
      if (exchanges.size === 0) socket.destroy()
      for (const { response } of exchanges) response.shouldKeepAlive = false
    }
    const cancel = this.#options.clock.after(graceMs, () => {
      for (const socket of this.#connections.keys()) socket.destroy()
    })
    await closed
    cancel()
    this.#routing.clear()
    this.#transport.close()
  }

  #connect(socket: Socket): void {
    const exchanges = new Set<Exchange>()
    this.#connections.set(socket, exchanges)
    socket.once('close', () => {
      // A pipelined answer that is not yet at the head of its connection would never hear of its end.
      for (const exchange of exchanges) this.#end(exchange)
      this.#connections.delete(socket)
    })
  }

  #handle(request: IncomingMessage, response: ServerResponse): void {
    const { clock, newId, problem } = this.#options
    const exchange: Exchange = {
      id: requestId(request.headers['x-request-id'], newId),
      request,
      response,
      startedAt: clock.now(),
      gone: false,
      onGone: undefined,
      prefix: '',
      access: 'logged',
      isCut: false,
      isLast: false,
    }
    const exchanges = this.#connections.get(request.socket)
    for (const { isLast } of exchanges ?? []) if (isLast) return
    exchanges?.add(exchange)
    response.once('close', () => this.#end(exchange))
    response.on('error', () => {})
    this.#serve(exchange).catch((error: unknown) => {
      problem(`Request failed due to an unexpected error: ${showError(error)}`, { requestId: exchange.id })
      this.#finish(exchange, { type: 'answer', answer: answers.failed })
    })
  }

  async #serve(exchange: Exchange): Promise<void> {
    const target = readTarget(exchange.request.url ?? '')
    if (target === undefined) return reply(exchange, answers.badTarget)
    const own = this.#check(exchange, target)
    if (own !== undefined) return reply(exchange, own)
    const destination = this.#routing.find(target.path)
    if (destination === undefined) return reply(exchange, answers.notFound(target.path))
    exchange.prefix = destination.route.prefix
    if (exchange.request.headers.upgrade?.toLowerCase() === 'websocket') return reply(exchange, answers.noWebSockets)
    const delivery = deliveryOf(exchange, target)
    try {
      this.#finish(exchange, await deliver(delivery, destination, this.#transport))
    } finally {
      delivery.upload.discard()
    }
  }

  /** What is answered without looking for a route. */
  #check(exchange: Exchange, { path }: Target): answers.Answer | undefined {
    const { headers, httpVersion } = exchange.request
    if (httpVersion !== '1.1' && httpVersion !== '1.0') return answers.unknownVersion
    if (headers.host === undefined ? httpVersion === '1.1' : !isHost(headers.host)) return answers.noHost
    if (framing(headers) === undefined) return answers.unknownCoding
    const isBuiltIn = path === '/-/healthz' || path === '/-/routes'
    if (isBuiltIn) exchange.access = 'silent'
    const { table } = this.#routing
    if (table === undefined) return answers.unpopulated
    if (!isBuiltIn) return undefined
    if (this.#isClosing) return answers.draining
    return path === '/-/healthz' ? answers.healthy : answers.routeList(listRoutes(table))
  }

  #finish(exchange: Exchange, result: Result): void {
    const { id, request, response, prefix } = exchange
    const { problem } = this.#options
    if ('reason' in result) problem(`${request.method} ${prefix} failed: ${result.reason}`, { requestId: id })
    if (result.type === 'done') return
    if (result.type === 'answer' && !response.headersSent) reply(exchange, result.answer)
    else cut(exchange)
  }

  /** Once an exchange, whichever event comes first. */
  #end(exchange: Exchange): void {
    const { socket } = exchange.request
    const others = this.#connections.get(socket)
    if (!others?.delete(exchange)) return
    exchange.gone = true
    exchange.onGone?.()
    if (this.#isClosing && others.size === 0) socket.destroySoon()
    if (exchange.access === 'logged') this.#options.access(accessLine(exchange, this.#options.clock.now()))
  }
}

function showError(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
