import { type IncomingMessage, ServerResponse } from 'node:http'
import { Outbox, type Parcel } from '../shared/outbox.ts'

/** Of the process: the proxy is woken once for several answers. */
const outbox = new Outbox()

const INTERNAL_ERROR = 'Internal Server Error'

/**
 * Keeps to itself what @hono/node-server would tell the client when it cannot write the answer that it was given, because
 * its body has been read or has failed already, or Node refuses a header: a 500 with the message of the error, which
 * goes to the log as well.
 */
export class Outgoing<Request extends IncomingMessage = IncomingMessage>
  extends ServerResponse<Request>
  implements Parcel
{
  /** Of the answer that the handler gave; undefined before it did. */
  givenStatus: number | undefined
  #last: unknown[] = []

  override end(...args: unknown[]): this {
    if (this.statusCode === this.givenStatus && this.headersSent) {
      this.#last = args
      outbox.put(this)
      return this
    }
    const isGiven = this.givenStatus === undefined || this.givenStatus === 500 || this.statusCode !== 500
    return isGiven ? super.end(...(args as [unknown])) : super.end(INTERNAL_ERROR)
  }

  /** The end of the answer, unless the proxy has gone meanwhile. */
  post(): void {
    if (!this.destroyed) super.end(...(this.#last as [unknown]))
  }
}

/** In place of an answer that Node refused to send, after which @hono/node-server leaves an answer given at once to us. */
export function refuseAnswer(outgoing: ServerResponse): void {
  if (outgoing.headersSent) return void outgoing.destroy()
  for (const name of outgoing.getHeaderNames()) outgoing.removeHeader(name)
  // Node has made up its mind about status text and length already.
  const headers = { 'content-type': 'text/plain; charset=utf-8', 'content-length': INTERNAL_ERROR.length }
  outgoing.writeHead(500, INTERNAL_ERROR, headers).end(INTERNAL_ERROR)
}
