import { type Config, IPCModule, IPCProtocolError } from 'node-ipc'
import { reservedEventTypes } from 'node-ipc/parsers'
import { messageOf, report, ServeError } from './errors.ts'
import { type AnswerFrame, nameOf, type RequestFrame } from './frames.ts'
import type { OpenRequests } from './requests.ts'

/** The one event of node-ipc that carries our frames. */
export const EVENT = 'batoid'

const settings: Config = {
  // Cuts off a peer that sends no JSON, half a frame, too long a frame, or the name of a local event.
  parser: 'guarded',
  maxMessageSize: 1024 * 1024,
  // A peer that does not read is cut off at this backlog.
  maxPendingBytes: 8 * 1024 * 1024,
  // By default the 101st client would be dropped twice a second, for ever and without an error.
  maxConnections: 10_000,
  // Redialling is ours: node-ipc's is every 500 ms, and never again after a backlog.
  stopRetrying: true,
  // Would remove the socket of a live server.
  unlink: false,
  silent: true,
}

export function newIpc(): IPCModule {
  const ipc = new IPCModule()
  Object.assign(ipc.config, settings)
  return ipc
}

/** Whether the other side sent this, as against node-ipc's own events. */
export function isSent(event: string): boolean {
  return !reservedEventTypes.has(event)
}

/** How connections end, and how they fail where no server is: nothing that anybody must know. */
export function isOrdinary(error: Error): boolean {
  return 'code' in error && ordinary.has(error.code)
}

const ordinary = new Set<unknown>(['ENOENT', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'EAGAIN'])

/** Why something could not be written to the wire. */
export function unsendable(error: unknown, what: string): ServeError {
  if (error instanceof IPCProtocolError && error.code === 'ERR_IPC_FRAME_TOO_LARGE') {
    const text = `${what} was not sent: it is over ${settings.maxMessageSize} bytes, leave something out or split it`
    return new ServeError('message_too_large', text)
  }
  return new ServeError('message_invalid', `${what} was not sent: it cannot be written as JSON (${messageOf(error)})`)
}

/** Whoever asked gets to know when the answer cannot be sent. */
export function sendAnswer(answer: AnswerFrame, { message }: RequestFrame, send: (frame: AnswerFrame) => void): void {
  try {
    send(answer)
  } catch (error) {
    send({ kind: 'failure', id: answer.id, error: report(unsendable(error, `the answer to ${nameOf(message)}`)) })
  }
}

/** Sends what waits, in order, for as long as `mayGoOn`. */
export function sendWaiting(requests: OpenRequests, send: (frame: RequestFrame) => void, mayGoOn = () => true): void {
  while (mayGoOn()) {
    const frame = requests.next()
    if (frame === undefined) return
    try {
      send(frame)
    } catch (error) {
      requests.reject(frame.id, unsendable(error, nameOf(frame.message)))
    }
  }
}
