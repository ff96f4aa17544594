import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Instant } from '../shared/clock.ts'
import type { Answer } from './answers.ts'
import type { Delivery } from './forward.ts'
import type { Forwarded } from './forwarded.ts'
import { framing, requestHeaders } from './headers.ts'
import type { Target } from './match.ts'
import type { Caller } from './pool.ts'
import { Upload } from './upload.ts'
import type { WebSocketExchange } from './websocket.ts'

/** One finished request, for the access log. */
export interface AccessLine {
  readonly requestId: string
  /** WS: a WebSocket, or an attempt to open one. */
  readonly method: string
  /** Route prefix of the application, '' where none matched. */
  readonly route: string
  /** 499: the client left before its answer was complete. Of a WebSocket, the code with which it was closed. */
  readonly status: number
  readonly durationMs: number
}

/** A client's request while it is ours. */
export interface Exchange extends Caller {
  readonly id: string
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** Undefined for an ordinary request. */
  readonly webSocket: WebSocketExchange | undefined
  readonly startedAt: Instant
  gone: boolean
  prefix: string
  access: 'logged' | 'silent'
  /** We have broken the connection, so the client did not leave by itself. */
  isCut: boolean
  /** Its answer ends the connection, and what the client sent behind the request is not to be trusted. */
  isLast: boolean
  /** The time that the operator gives every request is up. */
  isLate: boolean
}

export function accessLine(exchange: Exchange, now: Instant): AccessLine {
  const { id, request, response, webSocket, startedAt, prefix, isCut } = exchange
  return {
    requestId: id,
    method: webSocket === undefined ? (request.method ?? '') : 'WS',
    route: prefix,
    status: webSocket?.tunnel?.code ?? (response.writableFinished || isCut ? response.statusCode : 499),
    durationMs: now - startedAt,
  }
}

export function deliveryOf(exchange: Exchange, target: Target, forwarded: Forwarded): Delivery {
  const { id, request, response } = exchange
  const { headers, rawHeaders, socket } = request
  const prefix = encodeURI(exchange.prefix)
  const host = target.authority ?? headers.host
  const seen = { clientAddress: socket.remoteAddress ?? '', host, prefix }
  return {
    id,
    request,
    response,
    caller: exchange,
    target,
    headers: requestHeaders(rawHeaders, headers, { id, host, prefix, forwarded: forwarded(headers, seen) }),
    upload: new Upload(request, framing(headers) ?? 'none'),
  }
}

export function reply(exchange: Exchange, { status, body, headers }: Answer): void {
  const { id, response } = exchange
  exchange.isLast = headers['connection'] === 'close'
  const length = { 'content-length': Buffer.byteLength(body) }
  // With its own reason phrase: one of a replica that could not be sent on may still be in the response.
  response.writeHead(status, STATUS_CODES[status], { ...headers, ...length, 'x-request-id': id })
  response.end(body)
}

/** Shows the client that its answer is incomplete. Never throws. */
export function cut(exchange: Exchange): void {
  const { request, response } = exchange
  const { socket } = request
  exchange.isCut = true
  // To an HTTP/1.0 client an ordinary end of the connection would be the end of the body. With TLS it is not, as long
  // as nobody says goodbye. A connection that is ending already cannot be reset: Node 20 would lose it without `close`.
  if (request.httpVersion !== '1.0') response.destroy()
  else if (socket.writableEnded || 'encrypted' in socket) socket.destroy()
  else socket.resetAndDestroy()
}
