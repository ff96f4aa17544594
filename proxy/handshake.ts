import { type Answer, noHandshake, noWebSocketKey, otherWebSocketVersion } from './answers.ts'
import { framing } from './headers.ts'

interface Handshake {
  readonly method?: string | undefined
  readonly httpVersion: string
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
}

/** Whether the request can open a WebSocket (RFC 6455, 4.1), whatever else may be wrong with it. */
export function isHandshake({ method, httpVersion, headers }: Handshake): boolean {
  return method === 'GET' && httpVersion === '1.1' && framing(headers) === 'none' && wantsWebSocket(headers)
}

/**
 * What is wrong with the handshake (RFC 6455, 4.2.2); undefined also for a request that is none.
 *
 * @param isOpen - Whether the connection has been handed over, so that it can become a WebSocket.
 */
export function handshakeFault({ headers }: Handshake, isOpen: boolean): Answer | undefined {
  if (!wantsWebSocket(headers)) return undefined
  if (!isOpen) return noHandshake
  if (headers['sec-websocket-version'] !== '13') return otherWebSocketVersion
  const key = headers['sec-websocket-key']
  return typeof key === 'string' && /^[+/\dA-Za-z]{22}==$/.test(key) ? undefined : noWebSocketKey
}

function wantsWebSocket({ upgrade }: Handshake['headers']): boolean {
  if (upgrade === undefined) return false
  return String(upgrade)
    .split(',')
    .some((protocol) => protocol.trim().toLowerCase() === 'websocket')
}
