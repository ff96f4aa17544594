import type { Clock } from './clock.ts'
import { ServeError } from './errors.ts'
import { type AnswerFrame, nameOf, type RequestFrame } from './frames.ts'

/**
 * How many requests one side may have under way. The other side remembers as many answers, so that everything that can
 * come again after a reconnect is still known there.
 */
export const MAX_UNDER_WAY = 1000

interface Open {
  readonly frame: RequestFrame
  resolve(value: unknown): void
  reject(error: ServeError): void
}

/**
 * The requests of one side that are not answered yet: first waiting, then under way, in the order in which they were
 * made. Whoever holds the connection takes them from `next()`.
 */
export class OpenRequests {
  readonly #clock: Clock
  readonly #receiver: () => string
  #waiting = new Map<number, Open>()
  readonly #underWay = new Map<number, Open>()
  #lastId = 0

  /** `receiver` says who does not answer, should it come to that. */
  constructor(clock: Clock, receiver: () => string) {
    this.#clock = clock
    this.#receiver = receiver
  }

  /** Its `answer` settles by `settle`, `reject`, `rejectAll`, or after `timeoutMs`. */
  add(message: unknown, timeoutMs: number): { frame: RequestFrame; answer: Promise<unknown> } {
    const id = ++this.#lastId
    const frame: RequestFrame = { kind: 'request', id, message }
    const answer = new Promise<unknown>((resolve, reject) => {
      const cancel = this.#clock.after(timeoutMs, () => this.reject(id, this.#timeout(frame, timeoutMs)))
      this.#waiting.set(id, {
        frame,
        resolve: (value) => {
          cancel()
          resolve(value)
        },
        reject: (error) => {
          cancel()
          reject(error)
        },
      })
    })
    return { frame, answer }
  }

  /** The oldest one that waits, which thereby is under way; undefined while none may be sent. */
  next(): RequestFrame | undefined {
    if (this.#underWay.size >= MAX_UNDER_WAY) return undefined
    for (const [id, open] of this.#waiting) {
      this.#waiting.delete(id)
      this.#underWay.set(id, open)
      return open.frame
    }
    return undefined
  }

  /** After a reconnect: nobody knows what the other side has got, so everything waits again. */
  repeat(): void {
    this.#waiting = new Map([...this.#underWay, ...this.#waiting])
    this.#underWay.clear()
  }

  /** An answer to a request that was given up comes too late and is dropped. */
  settle(answer: AnswerFrame): void {
    if (answer.kind === 'answer') return this.#remove(answer.id)?.resolve(answer.value)
    const { code, message, stack } = answer.error
    this.reject(answer.id, new ServeError(code, message, { userStack: stack }))
  }

  reject(id: number, error: ServeError): void {
    this.#remove(id)?.reject(error)
  }

  rejectAll(error: ServeError): void {
    for (const id of [...this.#underWay.keys(), ...this.#waiting.keys()]) this.reject(id, error)
  }

  #remove(id: number): Open | undefined {
    const open = this.#underWay.get(id) ?? this.#waiting.get(id)
    this.#underWay.delete(id)
    this.#waiting.delete(id)
    return open
  }

  #timeout({ message }: RequestFrame, timeoutMs: number): ServeError {
    return new ServeError(
      'channel_timeout',
      `no answer to ${nameOf(message)} from ${this.#receiver()} within ${timeoutMs} ms`,
    )
  }
}
