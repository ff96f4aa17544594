import { STATUS_CODES } from 'node:http'
import type { Instant } from '../shared/clock.ts'
import type { Parcel } from '../shared/outbox.ts'
import type { AnswerHead } from './answer-head.ts'
import { type Connection, type Receiver, type Surroundings, TEXT_BYTES } from './connection.ts'
import type { Delivery } from './forward.ts'
import type { HeaderList } from './headers.ts'
import { type Outcome, outcomeOf, type Sent, type SystemError } from './outcome.ts'

/** One request to one replica, over a connection that it has to itself, and what becomes of the answer. */
export class Attempt implements Receiver, Parcel {
  readonly outcome: Promise<Outcome>
  readonly method: string
  readonly #delivery: Delivery
  readonly #connection: Connection
  readonly #surroundings: Surroundings
  readonly #startedAt: Instant
  #resolve: (outcome: Outcome) => void = () => {}
  #phase: 'sent' | 'answering' | 'settled' = 'sent'
  #headMs = 0
  /** Of the answer's body, if it was announced. */
  #length: number | undefined
  #isFlowing = false
  /** By a client that takes its time. */
  #isHeldUp = false
  /** The whole body, to leave in one write with the head. */
  #whole: string | Buffer | undefined

  constructor(delivery: Delivery, connection: Connection, surroundings: Surroundings) {
    this.#delivery = delivery
    this.#connection = connection
    this.#surroundings = surroundings
    this.#startedAt = surroundings.clock.now()
    this.method = delivery.request.method ?? ''
    this.outcome = new Promise((resolve) => {
      this.#resolve = resolve
    })
    delivery.caller.onGone = () => this.#settle(this.#ending())
  }

  start(): void {
    const { target, headers, upload } = this.#delivery
    this.#connection.send({ head: `${this.method} ${target.origin} HTTP/1.1\r\n${fieldLines(headers)}`, upload }, this)
  }

  /** Informational answers go on at once (RFC 9110, 15.2), where the client is not waiting for an earlier answer. */
  informed({ status, headers }: AnswerHead): void {
    const { request, response } = this.#delivery
    // A client that does not read them needs none, and they must not pile up.
    const isOpen = response.socket !== null && !response.socket.writableNeedDrain
    if (request.httpVersion === '1.0' || !isOpen) return
    response.socket?.write(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${fieldLines(headers)}\r\n`, 'latin1')
  }

  begun(head: AnswerHead): void {
    if (this.#phase !== 'sent') return
    if (head.status === 503 && head.refusal !== undefined) return this.#settle({ type: head.refusal })
    if (!this.#sendHead(head)) return
    this.#phase = 'answering'
    this.#headMs = this.#elapsedMs()
    this.#length = typeof head.extent === 'number' ? head.extent : undefined
    this.#delivery.upload.commit()
  }

  body(data: Buffer): void {
    if (this.#phase !== 'answering') return
    this.#isFlowing = true
    const isText = data.length <= TEXT_BYTES
    if (data.length === this.#length) {
      this.#whole = isText ? data.toString('latin1') : Buffer.from(data)
      return
    }
    // One read may bring many chunks, and all of them after the first are written before it is known what becomes of that.
    if (this.#write(data) || this.#isHeldUp) return
    this.#isHeldUp = true
    this.#connection.pause()
    this.#delivery.response.once('drain', () => {
      this.#isHeldUp = false
      // Otherwise it may carry somebody else's answer by now.
      if (this.#phase === 'answering') this.#connection.resume()
    })
  }

  /** At once, so that it is known whether the client's socket has taken all of it; what is small is cheaper to copy. */
  #write(data: Buffer): boolean {
    const { response } = this.#delivery
    if (this.#connection.isLentBriefly || data.length <= TEXT_BYTES) return response.write(Buffer.from(data))
    response.socket?.cork()
    const isTaken = response.write(data)
    response.socket?.uncork()
    if (response.writableLength > 0) this.#connection.keep()
    return isTaken
  }

  /** A head whose body takes its time goes ahead; one whose body is here leaves in the same packet. */
  waiting(): void {
    if (this.#phase === 'answering' && !this.#isFlowing) this.#delivery.response.flushHeaders()
  }

  ended(trailers: HeaderList): void {
    if (this.#phase !== 'answering') return
    const { response } = this.#delivery
    if (trailers.length > 0) this.#addTrailers(trailers)
    this.#surroundings.outbox.put(this)
    this.#settle({ type: 'answered', status: response.statusCode, headMs: this.#headMs })
  }

  /** The end of the answer. */
  post(): void {
    const { response } = this.#delivery
    if (typeof this.#whole === 'string') response.end(this.#whole, 'latin1')
    else response.end(this.#whole)
  }

  failed(error: SystemError, sent: Sent): void {
    if (this.#phase === 'answering') this.#settle({ type: 'cut', reason: error.message })
    else this.#settle(outcomeOf(error, sent))
  }

  /** What a replica sends may be impossible to send on: Node checks it, and throws before it has changed anything. */
  #sendHead({ status, statusText, headers, extent, trailer }: AnswerHead): boolean {
    const { request, response, id } = this.#delivery
    // Node refuses to announce trailers where the answer is not chunked.
    const mayHaveTrailers = extent === 'chunked' && request.httpVersion === '1.1' && this.method !== 'HEAD'
    const more = mayHaveTrailers ? trailer : []
    try {
      response.writeHead(status, statusText, [...headers, 'x-request-id', id, ...more])
      return true
    } catch (error) {
      this.#settle({ type: 'broken', reason: `unusable answer: ${String(error)}` })
      return false
    }
  }

  /** Once the client is gone, or its time is up. Only a replica that has all of the request can be said to take long. */
  #ending(): Outcome {
    const { caller, upload } = this.#delivery
    if (this.#phase !== 'sent' || !upload.hasEnded) return { type: 'aborted' }
    return { type: caller.isLate === true ? 'late' : 'aborted', afterMs: this.#elapsedMs() }
  }

  #elapsedMs(): number {
    return this.#surroundings.clock.now() - this.#startedAt
  }

  #addTrailers(trailers: HeaderList): void {
    const pairs = Array.from({ length: trailers.length / 2 }, (_, n): [string, string] => [
      trailers[2 * n] ?? '',
      trailers[2 * n + 1] ?? '',
    ])
    try {
      this.#delivery.response.addTrailers(pairs)
    } catch {
      // What Node will not send is no reason to break an answer that is complete.
    }
  }

  #settle(outcome: Outcome): void {
    if (this.#phase === 'settled') return
    this.#phase = 'settled'
    this.#delivery.caller.onGone = undefined
    // After any other outcome the connection knows by itself what becomes of it.
    const { type } = outcome
    if (type === 'aborted' || type === 'late' || type === 'broken') this.#connection.abort()
    this.#resolve(outcome)
  }
}

function fieldLines(headers: HeaderList): string {
  let lines = ''
  for (let at = 0; at < headers.length; at += 2) lines += `${headers[at]}: ${headers[at + 1]}\r\n`
  return lines
}
