import type { upgradeWebSocket as upgrade } from '@hono/node-server'
import { defineWebSocketHelper } from 'hono/ws'

/**
 * Makes a route of a Hono application a WebSocket: `upgradeWebSocket` of @hono/node-server, loaded when the first client
 * comes. That of your own copy of @hono/node-server works as well.
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
export const upgradeWebSocket: typeof upgrade = defineWebSocketHelper(async (c, events, options) => {
  if (c.req.header('upgrade')?.toLowerCase() !== 'websocket') return undefined
  const { upgradeWebSocket: upgradeNow } = await import('@hono/node-server')
  return upgradeNow(c, events, options)
})
