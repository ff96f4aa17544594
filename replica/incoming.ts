import { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'

/** As much as the proxy reads of a body that nobody takes (proxy/upload.ts). */
const READ_AHEAD_BYTES = 1024 * 1024

/** All that the constructor of Node's class wants of a socket besides the socket. */
const READ_AHEAD = { readableHighWaterMark: READ_AHEAD_BYTES } as Socket

/**
 * Reads on while the handler does not read the body: that the client has left is seen only on a connection that is read.
 * Node would stop after 16 KiB. Its option `highWaterMark` would let handlers run as far ahead of slow clients, too.
 */
export class Incoming extends IncomingMessage {
  constructor(socket: Socket) {
    super(READ_AHEAD)
    this.socket = socket
  }
}
