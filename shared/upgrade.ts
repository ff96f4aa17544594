import { type IncomingMessage, ServerResponse } from 'node:http'

/** A client has to wait for the answer before it sends anything; what it sends all the same is kept up to here. */
const EARLY_BYTES = 64 * 1024

/** A connection that Node has handed over because its last request asks for another protocol. */
export interface Upgrade {
  /** For an answer that is an ordinary one, after which the connection ends, or for the head of a 101. */
  readonly response: ServerResponse
  /** The connection speaks HTTP no more: gives what has arrived behind the request. It stands still until resumed. */
  take(): Buffer
}

/**
 * To be called in the `upgrade` event. The connection is read from then on, since nobody would hear of its end
 * otherwise, and an error on it can no longer be thrown at the process.
 */
export function openUpgrade(request: IncomingMessage, head: Buffer): Upgrade {
  const { socket } = request
  const response = new ServerResponse(request)
  const early = [head]
  let bytes = head.length
  const keep = (chunk: Buffer): void => {
    early.push(chunk)
    bytes += chunk.length
    if (bytes > EARLY_BYTES) socket.pause()
  }
  // What a server does for the connections that are still its own.
  const leave = (): void => void socket.end()
  const drained = (): void => void response.emit('drain')
  socket.setTimeout(0)
  socket.on('error', () => {})
  socket.on('data', keep).on('end', leave).on('drain', drained)
  response.shouldKeepAlive = false
  response.assignSocket(socket)
  response.once('finish', () => socket.destroySoon())
  return {
    response,
    take() {
      socket.off('data', keep).off('end', leave).off('drain', drained)
      socket.pause()
      response.detachSocket(socket)
      return Buffer.concat(early)
    },
  }
}
