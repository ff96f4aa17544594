import { STATUS_CODES } from 'node:http'
import type Client from 'undici/lib/dispatcher/client.js'
import type { Clock, Instant } from '../shared/clock.ts'
import { type Connections, RESET } from './connections.ts'
import type { Delivery } from './forward.ts'
import { type AnswerHead, extraHeaders, readAnswer } from './headers.ts'
import { type Outcome, outcomeOf } from './outcome.ts'

/**
 * One request to one replica, and undici's handler of it: `onConnect` when it is about to be written, then `onHeaders`
 * (also for 1xx), `onData`, and in the end either `onComplete` or `onError`, which always comes.
 */
export class Attempt {
  readonly outcome: Promise<Outcome>
  readonly #delivery: Delivery
  readonly #connections: Connections
  readonly #client: Client
  readonly #clock: Clock
  readonly #startedAt: Instant
  #resolve: (outcome: Outcome) => void = () => {}
  /** Once undici has begun to write the request. */
  #abort: (() => void) | undefined
  #resume: () => void = () => {}
  #phase: 'sent' | 'answering' | 'settled' = 'sent'
  #headMs = 0
  /** Of the answer's body, if it was announced. */
  #length: number | undefined
  #isFlowing = false
  /** The whole body, to leave in one write with the head. */
  #whole: Buffer | undefined

  constructor(delivery: Delivery, connections: Connections, clock: Clock) {
    this.#delivery = delivery
    this.#connections = connections
    this.#client = connections.take()
    this.#clock = clock
    this.#startedAt = clock.now()
    this.outcome = new Promise((resolve) => {
      this.#resolve = resolve
    })
    const { caller } = delivery
    caller.onGone = () => this.#settle(this.#ending())
  }

  start(): void {
    const { request, target, headers, upload } = this.#delivery
    // `reset`: undici would close the connection after a HEAD, and after a body where it expects none.
    const options = { method: request.method ?? '', path: target.origin, headers, reset: false, blocking: false }
    this.#client.dispatch({ ...options, body: upload.open() }, this)
  }

  onConnect(abort: () => void): void {
    this.#abort = abort
    if (this.#phase === 'settled') abort()
  }

  onHeaders(status: number, raw: readonly Buffer[], resume: () => void, statusText: string): boolean {
    if (this.#phase !== 'sent') return true
    const texts = raw.map((text) => text.toString('latin1'))
    if (status === 101 || status < 100) return this.#nonsense(`answered ${status} unasked`)
    if (status < 200) return this.#inform(status, texts)
    const head = readAnswer(texts, this.#delivery.id)
    if (status === 503 && head.refusal !== undefined) this.#settle({ type: head.refusal })
    else if (this.#begin(status, statusText, head)) this.#answer(head, resume)
    else this.#abort?.()
    return true
  }

  onData(chunk: Buffer): boolean {
    if (this.#phase !== 'answering') return true
    const { response } = this.#delivery
    this.#isFlowing = true
    if (chunk.length === this.#length) {
      this.#whole = chunk
      return true
    }
    if (response.write(chunk)) return true
    response.once('drain', this.#resume)
    return false
  }

  onComplete(rawTrailers: readonly Buffer[]): void {
    this.#connections.giveBack(this.#client)
    if (this.#phase !== 'answering') return
    this.#addTrailers(rawTrailers)
    this.#complete()
  }

  onError(error: NodeJS.ErrnoException): void {
    this.#connections.discard(this.#client)
    // Undici wants the body that a 304 announces; there is none (RFC 9110, 8.6).
    if (this.#phase === 'answering' && this.#delivery.response.statusCode === 304) this.#complete()
    else if (this.#phase === 'answering') this.#settle({ type: 'cut', reason: error.message })
    else if (error.code === 'UND_ERR_INVALID_ARG') this.#settle({ type: 'unsendable', reason: error.message })
    else if (this.#abort === undefined) this.#settle({ type: 'refused', reason: error.message })
    else this.#settle(outcomeOf(trueError(error), this.#delivery.upload.isOneWrite))
  }

  /** What a replica sends may be impossible to send on: Node checks it, and throws before it has changed anything. */
  #begin(status: number, statusText: string, { headers, trailer, isChunked }: AnswerHead): boolean {
    const { request, response } = this.#delivery
    // Node refuses to announce trailers where the answer is not chunked.
    if (isChunked && request.httpVersion === '1.1' && request.method !== 'HEAD') headers.push(...trailer)
    try {
      response.writeHead(status, statusText, headers)
      return true
    } catch (error) {
      this.#settle({ type: 'broken', reason: `unusable answer: ${String(error)}` })
      return false
    }
  }

  #answer({ length }: AnswerHead, resume: () => void): void {
    this.#phase = 'answering'
    this.#headMs = this.#elapsedMs()
    this.#length = length
    this.#resume = resume
    this.#delivery.upload.commit()
    // A head whose body takes its time goes ahead; one whose body is here leaves in the same packet.
    queueMicrotask(() => {
      if (this.#phase === 'answering' && !this.#isFlowing) this.#delivery.response.flushHeaders()
    })
  }

  /** What would make the client misunderstand all that follows, as a protocol that nobody asked for. */
  #nonsense(reason: string): true {
    this.#settle({ type: 'broken', reason })
    this.#abort?.()
    return true
  }

  /** Informational answers go on at once (RFC 9110, 15.2), where the client is not waiting for an earlier answer. */
  #inform(status: number, texts: readonly string[]): true {
    const { request, response } = this.#delivery
    // A client that does not read them needs none, and they must not pile up.
    const isOpen = response.socket !== null && !response.socket.writableNeedDrain
    if (request.httpVersion === '1.0' || !isOpen) return true
    const lines = extraHeaders(texts).map(([name, value]) => `${name}: ${value}\r\n`)
    const head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.join('')}\r\n`
    response.socket?.write(head, 'latin1')
    return true
  }

  #complete(): void {
    const { response } = this.#delivery
    response.end(this.#whole)
    this.#settle({ type: 'answered', status: response.statusCode, headMs: this.#headMs })
  }

  /** Once the client is gone, or its time is up. Only a replica that has all of the request can be said to take long. */
  #ending(): Outcome {
    const { caller, upload } = this.#delivery
    if (this.#phase !== 'sent' || !upload.hasEnded) return { type: 'aborted' }
    return { type: caller.isLate === true ? 'late' : 'aborted', afterMs: this.#elapsedMs() }
  }

  #elapsedMs(): number {
    return this.#clock.now() - this.#startedAt
  }

  #addTrailers(raw: readonly Buffer[]): void {
    if (raw.length === 0) return
    try {
      this.#delivery.response.addTrailers(extraHeaders(raw.map((text) => text.toString('latin1'))))
    } catch {
      // What Node will not send is no reason to break an answer that is complete.
    }
  }

  #settle(outcome: Outcome): void {
    if (this.#phase === 'settled') return
    this.#phase = 'settled'
    this.#delivery.caller.onGone = undefined
    if (outcome.type === 'aborted' || outcome.type === 'late') this.#abort?.()
    this.#resolve(outcome)
  }
}

/** What the kernel said, or the words of undici, whose codes say less. */
function trueError({ message, code, syscall }: NodeJS.ErrnoException): Parameters<typeof outcomeOf>[0] {
  if (syscall === undefined) return { message }
  return { message, code: code === RESET ? 'ECONNRESET' : code, syscall }
}
