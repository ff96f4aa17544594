import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { Clock } from '../shared/clock.ts'
import { type Answer, lateBody } from './answers.ts'
import type { Exchange } from './exchange.ts'
import { answerTo, type Malformation, showAnswer } from './malformed.ts'

/** So that a client which is still sending gets to read why it is hung up on. */
const LINGER_MS = 1_000

export interface ConductOptions {
  readonly clock: Clock
  readonly newId: () => string
  /** For so long a connection was silent when we hear of it. */
  readonly stallMs: number
  /** The requests of a connection that are not finished; undefined: requests cannot come on it. */
  readonly exchangesOf: (socket: Socket) => ReadonlySet<Exchange> | undefined
  /** No more can be read of a request. */
  readonly giveUp: (exchange: Exchange, answer: Answer) => void
}

/** What is done about clients that send something that is no request, or send or take nothing in time. */
export class Conduct {
  readonly #options: ConductOptions

  constructor(options: ConductOptions) {
    this.#options = options
  }

  failed(error: Malformation, socket: Socket): void {
    // Its last answer is on its way already.
    if (socket.writableEnded) return
    const { exchangesOf, giveUp } = this.#options
    const exchanges = exchangesOf(socket)
    const answer = answerTo(error)
    const [exchange, ...others] = exchanges ?? []
    // Beside requests that are not answered yet, the answer would be taken for one of theirs.
    if (exchanges === undefined || answer === undefined || others.length > 0) socket.destroy()
    else if (exchange === undefined) this.hangUp(socket, answer)
    else if (exchange.request.complete || error.code === 'HPE_INVALID_EOF_STATE') socket.destroy()
    else giveUp(exchange, answer)
  }

  silent(socket: Socket): void {
    const { exchangesOf, giveUp, stallMs } = this.#options
    const exchanges = [...(exchangesOf(socket) ?? [])]
    const isReading = socket.writableLength === 0
    // A body of which something is here waits for the replica, not for the client.
    const late = exchanges.find(({ request }) => !request.complete && request.readableLength === 0)
    if (exchanges.length === 0 || !isReading) socket.destroy()
    else if (late !== undefined) giveUp(late, lateBody)
    else socket.setTimeout(stallMs)
  }

  /** Answers what is no request of any application, and closes the connection. */
  hangUp(socket: Socket, answer: Answer): void {
    const { clock, newId, exchangesOf } = this.#options
    // It would be taken for the answer to a request that is not answered yet.
    if ((exchangesOf(socket)?.size ?? 0) > 0) return void socket.destroy()
    socket.on('error', () => {})
    socket.once(
      'close',
      clock.after(LINGER_MS, () => socket.destroy()),
    )
    socket.end(showAnswer(answer, STATUS_CODES[answer.status] ?? '', newId()))
    socket.resume()
  }
}
