import { type IncomingMessage, ServerResponse } from 'node:http'

/**
 * Keeps to itself what @hono/node-server would tell the client when it cannot write the answer that it was given, because
 * its body has been read or has failed already, or Node refuses a header: a 500 with the message of the error, which
 * goes to the log as well.
 */
export class Outgoing<Request extends IncomingMessage = IncomingMessage> extends ServerResponse<Request> {
  /** Of the answer that the handler gave; undefined before it did. */
  givenStatus: number | undefined

  override end(...args: unknown[]): this {
    const isGiven = this.givenStatus === undefined || this.givenStatus === 500 || this.statusCode !== 500
    return isGiven ? super.end(...(args as [unknown])) : super.end('Internal Server Error')
  }
}
