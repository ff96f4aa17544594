import { type DeploymentId, showDeployment } from '../shared/ids.ts'
import type { Route } from '../shared/protocol.ts'
import { showFloat } from './deadline.ts'

/** An answer of the proxy itself. */
export interface Answer {
  readonly status: number
  readonly body: string
  readonly headers: Readonly<Record<string, string>>
}

const text = (status: number, body: string, headers: Record<string, string> = {}): Answer => ({
  status,
  body,
  headers: { 'content-type': 'text/plain; charset=utf-8', ...headers },
})

/** Where the connection cannot be trusted to hold another request. */
const CLOSE = { connection: 'close' }

export const healthy = text(200, 'success')
export const draining = text(503, 'This node is being drained.')
export const unpopulated = text(503, 'Route table is not populated yet.')
export const failed = text(500, 'Internal Server Error')
/** Not repeated, or in vain: who sent it has to know that, and that the fault is not the handler's. */
export const lost = text(
  502,
  'The replica that had the request gave no valid answer. It may have executed the request.',
)
export const badTarget = text(400, 'The request target is neither a path nor an http URL.', CLOSE)
export const noHost = text(400, 'An HTTP/1.1 request must have one Host header, with a host.', CLOSE)
export const unknownVersion = text(505, 'The supported versions are HTTP/1.1 and HTTP/1.0.', CLOSE)
export const unsendable = text(400, 'The request cannot be forwarded.', CLOSE)
export const malformed = text(400, 'The request is malformed.', CLOSE)
export const lateHead = text(408, 'The head of the request did not arrive in time.', CLOSE)
export const lateBody = text(408, 'The body of the request did not arrive in time.', CLOSE)
export const longChunkExtensions = text(413, 'The chunk extensions are too long.', CLOSE)
export const longTarget = text(414, 'The request target is too long.', CLOSE)
export const longHeaders = text(431, 'The headers are too long, or too many.', CLOSE)
export const unknownCoding = text(501, 'The only supported transfer coding of a request is chunked.', CLOSE)
export const noHandshake = text(
  400,
  'A WebSocket handshake must be a GET over HTTP/1.1 with Connection: Upgrade, without a body, and sent when no other answer is awaited on the connection.',
  CLOSE,
)
export const noWebSocketKey = text(
  400,
  'A WebSocket handshake must have a Sec-WebSocket-Key of 16 bytes in base64.',
  CLOSE,
)
export const otherWebSocketVersion = text(426, 'The only supported version of WebSocket is 13.', {
  // RFC 9110, 15.5.22 wants the header, RFC 6455, 4.4 the version.
  connection: 'Upgrade, close',
  upgrade: 'websocket',
  'sec-websocket-version': '13',
})

export function routeList(json: string): Answer {
  return { status: 200, body: json, headers: { 'content-type': 'application/json' } }
}

export function notFound(path: string): Answer {
  return text(404, `Path '${printable(path)}' not found. Ping http://.../-/routes for available routes.`)
}

export function deployFailed(deployment: DeploymentId): Answer {
  return text(503, `${showDeployment(deployment)} is unavailable because it failed to deploy.`)
}

/** Every replica that was tried refused the request, or the part of the body already sent could not be sent again. */
export function unavailable(deployment: DeploymentId): Answer {
  return text(503, `${showDeployment(deployment)} is unavailable: none of its replicas took the request.`)
}

export function timedOut(requestId: string, afterS: number): Answer {
  return text(408, `Request ${requestId} timed out after ${showFloat(afterS)}s.`)
}

export function backpressure(queued: number, { maxQueuedRequests, backpressure: to }: Route): Answer {
  const body = `Request dropped due to backpressure (num_queued_requests=${queued}, max_queued_requests=${maxQueuedRequests}).`
  return text(to.statusCode, body, to.retryAfterS === null ? {} : { 'retry-after': String(Math.ceil(to.retryAfterS)) })
}

/** A path may decode to anything; nothing of it may move a terminal's cursor or start a new line of a log. */
function printable(path: string): string {
  return path.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (c) => `\\u{${c.codePointAt(0)?.toString(16)}}`)
}
