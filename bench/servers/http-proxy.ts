/** http-proxy as its documentation shows it, in turn to each replica; does nothing else. */
import { Agent, createServer } from 'node:http'
import httpProxy from 'http-proxy'

const targets = (process.env['UPSTREAMS'] ?? '').split(',').map((port) => `http://127.0.0.1:${port}`)
const proxy = httpProxy.createProxyServer(
  process.env['KEEP_ALIVE'] === '1' ? { agent: new Agent({ keepAlive: true }) } : {},
)
let turn = 0

const server = createServer((request, response) => {
  turn += 1
  proxy.web(request, response, { target: targets[turn % targets.length] ?? '' }, () => response.destroy())
})
server.listen(Number(process.env['PORT']), '127.0.0.1')
