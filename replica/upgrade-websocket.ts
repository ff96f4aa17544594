import type { upgradeWebSocket as upgrade, WebSocketLike } from '@hono/node-server'
import { defineWebSocketHelper, type WSEvents } from 'hono/ws'

/**
 * Makes a route of a Hono application a WebSocket: `upgradeWebSocket` of @hono/node-server, loaded when the first client
 * comes. That of your own copy of @hono/node-server works as well; but there, a handler that is `async` and rejects ends
 * the replica, while here it is reported as one that throws: to `onError` of the options, or `console.error`.
 *
 * A handshake is a request like any other until it is accepted: middleware sees it, and may answer something else. An
 * open WebSocket counts as one ongoing request (`maxOngoingRequests`). When its replica is drained it lives on until
 * `gracefulShutdownTimeoutS` is nearly over, and is then closed with code 1012. A message may have 16 MiB.
 *
 * @example
 * app.get('/echo', upgradeWebSocket(() => ({
 *   onMessage: (event, ws) => ws.send(event.data),
 * })))
 */
export const upgradeWebSocket: typeof upgrade = defineWebSocketHelper<WebSocketLike, Options>(
  async (c, events, options) => {
    if (c.req.header('upgrade')?.toLowerCase() !== 'websocket') return undefined
    const { upgradeWebSocket: upgradeNow } = await import('@hono/node-server')
    // oxlint-disable-next-line no-console -- where the helper itself reports what handlers throw
    return upgradeNow(c, reporting(events, options?.onError ?? console.error), options)
  },
)

interface Options {
  readonly onError: (error: unknown) => void
}

type Events = WSEvents<WebSocketLike>

function reporting(events: Events, report: Options['onError']): Required<Events> {
  const follow = (result: unknown): void => {
    if (result instanceof Promise) result.catch(report)
  }
  return {
    onOpen: (event, ws) => follow(events.onOpen?.(event, ws)),
    onMessage: (event, ws) => follow(events.onMessage?.(event, ws)),
    onClose: (event, ws) => follow(events.onClose?.(event, ws)),
    onError: (event, ws) => follow(events.onError?.(event, ws)),
  }
}
