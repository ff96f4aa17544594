/** A bare replica: hono behind @hono/node-server, on a port and on a Unix socket, and nothing else. */
import { createServer } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import { hello } from './hello.ts'

let delayMs = Number(process.env['DELAY_MS'] ?? 0)
let served = 0
const app = hello()
app.get('/slow', async (c) => {
  served += 1
  await new Promise((resolve) => setTimeout(resolve, delayMs))
  return c.text('Hello, world!')
})
app.get('/served', (c) => c.text(String(served)))
app.get('/delay/:ms', (c) => {
  delayMs = Number(c.req.param('ms'))
  return c.text('')
})

const listener = getRequestListener(app.fetch)
for (const address of [process.env['PORT'], process.env['SOCKET']]) {
  if (address === undefined) continue
  const server = createServer({ keepAliveTimeout: 600_000 }, (request, response) => void listener(request, response))
  if (/^\d+$/.test(address)) server.listen(Number(address), '127.0.0.1')
  else server.listen(address)
}
