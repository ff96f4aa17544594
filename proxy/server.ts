import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { FAREWELL_MS } from '../shared/leaving.ts'
import type { EndpointTable } from '../shared/protocol.ts'
import { openUpgrade } from '../shared/upgrade.ts'
import * as answers from './answers.ts'
import { TIMEOUT_HEADER, timeoutS } from './deadline.ts'
import { Conduct } from './conduct.ts'
import { deliver, type Result } from './deliver.ts'
import { accessLine, cut, deliveryOf, type Exchange, reply } from './exchange.ts'
import { createTransport, type Transport } from './forward.ts'
import { type Forwarded, forwarding } from './forwarded.ts'
import { handshakeFault, isHandshake } from './handshake.ts'
import { requestId } from './headers.ts'
import { createListener, LIMITS, type Listener } from './listener.ts'
import { readTarget, type Target } from './match.ts'
import type { Gauges, ProxyOptions, ProxyServer } from './proxy.ts'
import { requestFault } from './request-fault.ts'
import { Routing } from './routing.ts'
import { listRoutes } from './table.ts'
import { createWebSockets, type WebSocketExchange, type WebSockets } from './websocket.ts'

export function createProxy(options: ProxyOptions): ProxyServer {
  return new HttpProxy(options)
}

class HttpProxy implements ProxyServer {
  readonly server: Server
  readonly #options: ProxyOptions
  readonly #transport: Transport
  readonly #webSockets: WebSockets
  readonly #routing: Routing
  readonly #listener: Listener
  readonly #forwarded: Forwarded
  readonly #connections = new Map<Socket, Set<Exchange>>()
  #isClosing = false

  constructor(options: ProxyOptions) {
    this.#options = options
    const { clock, random, http, credentials, limits = LIMITS } = options
    this.#forwarded = forwarding({ ...http, proto: credentials === undefined ? 'http' : 'https' })
    this.#transport = createTransport(clock)
    this.#webSockets = createWebSockets(clock)
    this.#routing = new Routing({ clock, random, proxy: http.proxy, left: (replica) => this.#transport.drop(replica) })
    const handle = (request: IncomingMessage, response: ServerResponse): void => this.#handle(request, response)
    const conduct = new Conduct({
      ...options,
      stallMs: limits.stallMs,
      exchangesOf: (socket) => this.#connections.get(socket),
      giveUp: (exchange, answer) => this.#giveUp(exchange, answer),
    })
    this.#listener = createListener(
      { credentials, keepAliveMs: http.keepAliveTimeoutS * 1000, limits },
      {
        request: handle,
        // A handshake behind a request that is not answered yet would have to wait, and no client sends one.
        isUpgrade: (request) => isHandshake(request) && this.#connections.get(request.socket)?.size === 0,
        upgraded: (request, head) => {
          const upgrade = openUpgrade(request, head)
          this.#handle(request, upgrade.response, { upgrade, tunnel: undefined })
        },
        opened: (socket) => this.#connect(socket),
        failed: (error, socket) => conduct.failed(error, socket),
        silent: (socket) => conduct.silent(socket),
      },
    )
    this.server = this.#listener.server
    this.server.on('connect', (_request, socket: Socket) => conduct.hangUp(socket, answers.badTarget))
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
    const closed = this.#listener.close()
    for (const [socket, exchanges] of this.#connections) {
      if (exchanges.size === 0) socket.destroy()
      for (const { response } of exchanges) response.shouldKeepAlive = false
    }
    const { clock } = this.#options
    const cancels = [
      clock.after(Math.max(graceMs - FAREWELL_MS, 0), () => this.#webSockets.restart()),
      clock.after(graceMs, () => {
        for (const socket of this.#connections.keys()) socket.destroy()
      }),
    ]
    // The server closes just before its last connections do, and what they carried is logged when they do.
    const gone = Array.from(
      this.#connections.keys(),
      (socket) => new Promise((resolve) => socket.once('close', resolve)),
    )
    await Promise.all([closed, ...gone])
    for (const cancel of cancels) cancel()
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

  /** Nothing more is done for this request: its time is up, or no more of it can be read. */
  #giveUp(exchange: Exchange, answer: answers.Answer): void {
    // The deadline of a WebSocket is that of its handshake.
    if (exchange.response.writableEnded || exchange.webSocket?.tunnel !== undefined) return
    exchange.gone = true
    exchange.onGone?.()
    if (exchange.response.headersSent) this.#finish(exchange, { type: 'cut', reason: `too late: ${answer.body}` })
    else reply(exchange, answer)
  }

  #handle(request: IncomingMessage, response: ServerResponse, webSocket?: WebSocketExchange): void {
    const { clock, newId } = this.#options
    const exchange: Exchange = {
      id: requestId(request.headers['x-request-id'], newId),
      request,
      response,
      webSocket,
      startedAt: clock.now(),
      gone: false,
      onGone: undefined,
      prefix: '',
      access: 'logged',
      isCut: false,
      isLast: false,
      isLate: false,
    }
    const exchanges = this.#connections.get(request.socket)
    for (const { isLast } of exchanges ?? []) if (isLast) return
    exchanges?.add(exchange)
    response.once('close', () => this.#end(exchange))
    response.on('error', () => {})
    this.#start(exchange)
  }

  #start(exchange: Exchange): void {
    const { id, request, response } = exchange
    this.#serve(exchange).catch((error: unknown) => {
      this.#options.problem(`Request failed due to an unexpected error: ${showError(error)}`, { requestId: id })
      if (response.headersSent) request.socket.destroy()
      else reply(exchange, answers.failed)
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
    const { request, webSocket } = exchange
    const fault = handshakeFault(request, webSocket !== undefined)
    if (fault !== undefined) return reply(exchange, fault)
    const delivery = deliveryOf(exchange, target, this.#forwarded)
    const transport = webSocket === undefined ? this.#transport : this.#webSockets.over(webSocket)
    const cancel = this.#limit(exchange)
    try {
      const result = await deliver(delivery, destination, transport, this.#options.interrupted)
      // One whose time is up has its answer.
      if (!exchange.gone) this.#finish(exchange, result)
    } finally {
      cancel?.()
      delivery.upload.discard()
    }
  }

  /** The deadline covers the waiting, all attempts, and the replica's answer to its end. */
  #limit(exchange: Exchange): (() => void) | undefined {
    const { clock, http } = this.#options
    const afterS = timeoutS(exchange.request.headers[TIMEOUT_HEADER], http.requestTimeoutS)
    if (afterS === undefined) return undefined
    return clock.after(afterS * 1000, () => {
      // A client that gives a replica too little time says nothing of the replica.
      exchange.isLate = afterS === http.requestTimeoutS
      this.#giveUp(exchange, answers.timedOut(exchange.id, afterS))
    })
  }

  /** What is answered without looking for a route. */
  #check(exchange: Exchange, { path }: Target): answers.Answer | undefined {
    const fault = requestFault(exchange.request)
    if (fault !== undefined) return fault
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
