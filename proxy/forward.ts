import { Agent, type ClientRequest, IncomingMessage, type ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import httpProxy from 'http-proxy'
import type { Clock, Instant } from '../shared/clock.ts'
import type { ReplicaId } from '../shared/ids.ts'
import type { RunningReplica } from '../shared/protocol.ts'
import { answerHeaders, answerTrailers, type Headers, refusalOf } from './headers.ts'
import type { Target } from './match.ts'
import { type Outcome, outcomeOf } from './outcome.ts'
import type { Caller } from './pool.ts'
import type { Upload } from './upload.ts'

/** A request as it goes to a replica, and where the answer goes. */
export interface Delivery {
  readonly id: string
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly caller: Caller
  readonly target: Target
  readonly headers: Headers
  readonly upload: Upload
}

/** The wire between the proxy and the replicas. */
export interface Transport {
  /** One attempt. Never rejects. The response is untouched unless the outcome is `answered`, `cut` or `aborted`. */
  forward(delivery: Delivery, to: RunningReplica): Promise<Outcome>
  /** No request goes to the replica any more: closes the connections to it. */
  drop(replica: RunningReplica): void
  close(): void
}

/** Well below the time after which replicas close idle connections, so that the proxy is the one that does it. */
const IDLE_MS = 60_000

/**
 * http-proxy 1.18.1, from 2020, does the forwarding and nothing else; its defects on Node 20 and what is done about
 * each are in docs/decisions/0005-proxy-transport.md. One keep-alive agent a replica, unbounded: how many requests a
 * replica gets is decided by its pool, and a request that waits in an agent could not be called back.
 */
export function createTransport(clock: Clock): Transport {
  const attempts = new WeakMap<IncomingMessage, Attempt>()
  const agents = new Map<ReplicaId, Agent>()
  const proxy = createShell(attempts)
  const agentOf = ({ id }: RunningReplica): Agent => {
    const agent = agents.get(id) ?? new Agent({ keepAlive: true, timeout: IDLE_MS })
    agents.set(id, agent)
    return agent
  }
  return {
    forward(delivery, to) {
      if (delivery.caller.gone) return Promise.resolve({ type: 'aborted' })
      const attempt = new Attempt(delivery, clock)
      const { standIn, body } = attempt
      attempts.set(standIn, attempt)
      const target = { protocol: 'http:', host: 'localhost', port: 80, socketPath: to.address }
      try {
        proxy.web(standIn, delivery.response, { target, agent: agentOf(to), buffer: body }, (e) => attempt.failed(e))
      } catch (error) {
        attempt.thrown(error)
      }
      return attempt.outcome
    },
    drop({ id }) {
      agents.get(id)?.destroy()
      agents.delete(id)
    },
    close() {
      for (const agent of agents.values()) agent.destroy()
      agents.clear()
    },
  }
}

/** Of http-proxy's passes only the one that forwards: `deleteLength` opens the door to request smuggling (CVE-2026-29057). */
function createShell(attempts: WeakMap<IncomingMessage, Attempt>): httpProxy {
  const proxy = httpProxy.createProxyServer({ selfHandleResponse: true, toProxy: true })
  const passes: unknown = Reflect.get(proxy, 'webPasses')
  const kept = Array.isArray(passes) ? passes.filter((pass: { name: string }) => pass.name === 'stream') : []
  if (kept.length !== 1) throw new Error('http-proxy is not version 1.18.1: it has no pass named stream')
  Reflect.set(proxy, 'webPasses', kept)
  proxy.on('proxyReq', (upstream, standIn) => attempts.get(standIn)?.connected(upstream))
  proxy.on('proxyRes', (answer, standIn) => attempts.get(standIn)?.answered(answer))
  return proxy
}

/** One request to one replica. */
class Attempt {
  readonly outcome: Promise<Outcome>
  /** What http-proxy is shown instead of the client's request, on which it would leave listeners with every attempt. */
  readonly standIn: IncomingMessage
  readonly body: Readable
  readonly #delivery: Delivery
  readonly #clock: Clock
  readonly #startedAt: Instant
  #resolve: (outcome: Outcome) => void = () => {}
  #upstream: ClientRequest | undefined
  #phase: 'sent' | 'answering' | 'settled' = 'sent'

  constructor(delivery: Delivery, clock: Clock) {
    const { request, headers, upload, caller } = delivery
    this.#delivery = delivery
    this.#clock = clock
    this.#startedAt = clock.now()
    this.outcome = new Promise((resolve) => {
      this.#resolve = resolve
    })
    this.standIn = Object.assign(new IncomingMessage(request.socket), { method: request.method, url: '/', headers })
    this.body = upload.open()
    caller.onGone = () => this.#settle({ type: 'aborted' })
  }

  /**
   * A socket has been assigned and nothing written. http-proxy would squash `//` in the path, so it was shown `/` and
   * the true one is put in its place now. A header set here would be too late for a request that had to wait.
   */
  connected(upstream: ClientRequest): void {
    this.#upstream = upstream
    if (this.#phase === 'settled') return void upstream.destroy()
    upstream.path = this.#delivery.target.origin
    // All there is when a replica answers 101 unasked.
    upstream.on('close', () => {
      if (this.#phase === 'sent') this.#settle({ type: 'broken', reason: 'closed without an answer' })
    })
  }

  answered(answer: IncomingMessage): void {
    // What went wrong is told by `close` before `end`.
    answer.on('error', () => {})
    if (this.#phase !== 'sent') return
    const refusal = refusalOf(answer.statusCode, answer.headers)
    if (refusal !== undefined) {
      answer.resume()
      const isSent = this.#upstream?.writableFinished === true
      this.#settle({ type: refusal }, { keepsConnection: isSent })
    } else if (this.#begin(answer)) {
      this.#stream(answer)
    }
  }

  failed(error: NodeJS.ErrnoException): void {
    if (this.#phase === 'answering') this.#settle({ type: 'cut', reason: error.code ?? error.message })
    else this.#settle(outcomeOf(error, this.#delivery.upload.isOneWrite))
  }

  thrown(error: unknown): void {
    this.#settle({ type: 'unsendable', reason: String(error) })
  }

  /** What a replica sends may be impossible to send on: Node checks it, and throws before it has changed anything. */
  #begin(answer: IncomingMessage): boolean {
    const { id, request, response } = this.#delivery
    // Node refuses to announce trailers where the answer is not chunked.
    const trailers = request.httpVersion === '1.1' && request.method !== 'HEAD' && 'transfer-encoding' in answer.headers
    try {
      const headers = answerHeaders(answer.rawHeaders, { id, trailers })
      response.writeHead(answer.statusCode ?? 0, answer.statusMessage, headers)
      return true
    } catch (error) {
      this.#settle({ type: 'broken', reason: `unusable answer: ${String(error)}` })
      return false
    }
  }

  #stream(answer: IncomingMessage): void {
    const { response, upload } = this.#delivery
    const headMs = this.#clock.now() - this.#startedAt
    this.#phase = 'answering'
    upload.commit()
    // Before `pipe` adds its own listener, which ends the response.
    answer.on('end', () => {
      this.#addTrailers(answer.rawTrailers)
      this.#settle({ type: 'answered', status: response.statusCode, headMs })
    })
    answer.on('close', () => this.#settle({ type: 'cut', reason: 'closed before the end of the answer' }))
    let isFlowing = false
    answer.once('data', () => {
      isFlowing = true
    })
    answer.pipe(response)
    // A head whose body takes its time goes ahead; one whose body is here leaves in the same packet.
    setImmediate(() => {
      if (!isFlowing && this.#phase === 'answering') response.flushHeaders()
    })
  }

  #addTrailers(raw: readonly string[]): void {
    try {
      if (raw.length > 0) this.#delivery.response.addTrailers(answerTrailers(raw))
    } catch {
      // What Node will not send is no reason to break an answer that is complete.
    }
  }

  /** Closing the connection is what tells the replica to stop; of a complete exchange Node has taken it back already. */
  #settle(outcome: Outcome, { keepsConnection = false } = {}): void {
    if (this.#phase === 'settled') return
    this.#phase = 'settled'
    this.#delivery.caller.onGone = undefined
    if (!keepsConnection) this.#upstream?.destroy()
    this.#resolve(outcome)
  }
}
