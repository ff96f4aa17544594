import { type ClientRequest, type IncomingMessage, request as httpRequest } from 'node:http'
import type { Socket } from 'node:net'
import httpProxy from 'http-proxy'
import type { Clock, Instant } from '../shared/clock.ts'
import type { RunningReplica } from '../shared/protocol.ts'
import type { Upgrade } from '../shared/upgrade.ts'
import { readFields } from './answer-head.ts'
import { ABNORMAL } from './close-frame.ts'
import type { Delivery, Transport } from './forward.ts'
import { endToEnd } from './headers.ts'
import { type Outcome, outcomeOf } from './outcome.ts'
import { Tunnel } from './tunnel.ts'

/** What a request that wants to become a WebSocket has besides what every request has. */
export interface WebSocketExchange {
  readonly upgrade: Upgrade
  /** Undefined until a replica has accepted it. */
  tunnel: Tunnel | undefined
}

/** The wire between the proxy and the replicas, for what becomes a WebSocket. */
export interface WebSockets {
  /**
   * One attempt to open it. If the replica accepts, the outcome is there when the WebSocket has ended; if it answers
   * something else, the client gets that. One connection to the replica each, which ends with the WebSocket.
   */
  over(webSocket: WebSocketExchange): Pick<Transport, 'forward'>
  /** Closes all with 1012, service restart, as far as their frames allow. */
  restart(): void
}

/** http-proxy's types want all of it. */
const TARGET = { protocol: 'http:', host: 'localhost', port: 80 }

/** http-proxy, with its passes replaced (docs/decisions/0009-websockets.md says which defects that answers to). */
export function createWebSockets(clock: Clock): WebSockets {
  const tunnels = new Set<Tunnel>()
  const attempts = new WeakMap<IncomingMessage, Attempt>()
  const proxy = httpProxy.createProxyServer()
  Reflect.set(proxy, 'wsPasses', [
    (request: IncomingMessage, _socket: Socket, options: { target: { socketPath: string } }) =>
      attempts.get(request)?.send(options.target.socketPath),
  ])
  return {
    over: (webSocket) => ({
      forward(delivery, to: RunningReplica) {
        const { request, caller } = delivery
        if (caller.gone) return Promise.resolve({ type: 'aborted' })
        const attempt = new Attempt(delivery, webSocket, { clock, tunnels })
        attempts.set(request, attempt)
        try {
          proxy.ws(request, request.socket, Buffer.alloc(0), { target: { ...TARGET, socketPath: to.address } })
        } catch (error) {
          attempt.thrown(error)
        }
        return attempt.outcome
      },
    }),
    restart() {
      for (const tunnel of tunnels) tunnel.restart()
    },
  }
}

interface Surroundings {
  readonly clock: Clock
  readonly tunnels: Set<Tunnel>
}

/** One handshake with one replica, and the WebSocket that comes of it. */
class Attempt {
  readonly outcome: Promise<Outcome>
  readonly #delivery: Delivery
  readonly #webSocket: WebSocketExchange
  readonly #surroundings: Surroundings
  readonly #startedAt: Instant
  #resolve: (outcome: Outcome) => void = () => {}
  #upstream: ClientRequest | undefined
  #phase: 'sent' | 'answering' | 'settled' = 'sent'

  constructor(delivery: Delivery, webSocket: WebSocketExchange, surroundings: Surroundings) {
    this.#delivery = delivery
    this.#webSocket = webSocket
    this.#surroundings = surroundings
    this.#startedAt = surroundings.clock.now()
    this.outcome = new Promise((resolve) => {
      this.#resolve = resolve
    })
    delivery.caller.onGone = () => this.#settle({ type: 'aborted' })
  }

  send(socketPath: string): void {
    const { headers, target } = this.#delivery
    const upgrade = ['connection', 'Upgrade', 'upgrade', 'websocket']
    const options = { socketPath, agent: false, path: target.origin, headers: [...headers, ...upgrade] }
    const upstream = httpRequest(options)
    this.#upstream = upstream
    upstream.on('upgrade', (answer, socket: Socket, head) => this.#accepted(answer, socket, head))
    upstream.on('response', (answer) => this.#answered(answer))
    upstream.on('error', (error) =>
      this.#settle(this.#phase === 'sent' ? outcomeOf(error, 'in one write') : cut(error.message)),
    )
    upstream.on('close', () => {
      if (this.#phase === 'sent') this.#settle({ type: 'broken', reason: 'closed without an answer' })
    })
    upstream.end()
  }

  thrown(error: unknown): void {
    this.#settle({ type: 'unsendable', reason: String(error) })
  }

  #accepted(answer: IncomingMessage, replica: Socket, head: Buffer): void {
    const { request, response, caller } = this.#delivery
    if (!this.#begin(answer, ['Connection', 'Upgrade', 'Upgrade', 'websocket'])) return void replica.destroy()
    response.flushHeaders()
    // From now on the end of the client is the end of the WebSocket.
    caller.onGone = undefined
    const outcome = this.#outcome(101)
    const tunnel = new Tunnel(request.socket, replica)
    const { tunnels } = this.#surroundings
    this.#webSocket.tunnel = tunnel
    tunnels.add(tunnel)
    tunnel.open({ ofClient: this.#webSocket.upgrade.take(), ofReplica: head }, (side) => {
      tunnels.delete(tunnel)
      this.#settle({ ...outcome, isLost: side === 'replica' && tunnel.code === ABNORMAL })
    })
  }

  #answered(answer: IncomingMessage): void {
    const { response } = this.#delivery
    // What went wrong is told by `close` before `end`.
    answer.on('error', () => {})
    const refusal = readFields(answer.rawHeaders)?.refusal
    if (answer.statusCode === 503 && refusal !== undefined) return this.#settle({ type: refusal })
    if (answer.statusCode === 101) return this.#settle({ type: 'broken', reason: 'a 101 without Upgrade' })
    if (!this.#begin(answer, [])) return
    const outcome = this.#outcome(response.statusCode)
    answer.on('end', () => this.#settle(outcome))
    answer.on('close', () => this.#settle(cut('closed before the end of the answer')))
    answer.pipe(response)
  }

  /** Node checks what the replica sends, and throws before it has changed anything. */
  #begin({ rawHeaders, statusCode, statusMessage }: IncomingMessage, more: readonly string[]): boolean {
    const { id, response } = this.#delivery
    if (this.#phase !== 'sent') return false
    try {
      response.writeHead(statusCode ?? 0, statusMessage, [...endToEnd(rawHeaders), 'x-request-id', id, ...more])
      this.#phase = 'answering'
      return true
    } catch (error) {
      this.#settle({ type: 'broken', reason: `unusable answer: ${String(error)}` })
      return false
    }
  }

  #outcome(status: number): Outcome & { type: 'answered' } {
    return { type: 'answered', status, headMs: this.#surroundings.clock.now() - this.#startedAt }
  }

  #settle(outcome: Outcome): void {
    if (this.#phase === 'settled') return
    this.#phase = 'settled'
    this.#delivery.caller.onGone = undefined
    this.#upstream?.destroy()
    this.#resolve(outcome)
  }
}

const cut = (reason: string): Outcome => ({ type: 'cut', reason })
