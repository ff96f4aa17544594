/**
 * The proxy's transport without the rest: the next replica in turn, the same id for everybody, no pool, no retries, no
 * access line. Dividing the proxy by this gives the price of its features; it is the round robin of the slow replica too.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { deliveryOf, type Exchange } from '../../proxy/exchange.ts'
import { forwarding } from '../../proxy/forwarded.ts'
import { createTransport } from '../../proxy/forward.ts'
import { readTarget } from '../../proxy/match.ts'
import { systemClock } from '../../shared/clock.ts'
import { newReplicaId } from '../../shared/ids.ts'

const addresses = (process.env['UPSTREAMS'] ?? '').split(',')
const replicas = addresses.map((address) => ({ id: newReplicaId(Math.random), address }))
const transport = createTransport(systemClock)
const forwarded = forwarding({ proto: 'http', trustedProxies: [] })
let turn = 0

async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
  turn += 1
  const replica = replicas[turn % replicas.length]
  const target = readTarget(request.url ?? '')
  if (replica === undefined || target === undefined) return void response.destroy()
  const exchange: Exchange = {
    id: 'none',
    request,
    response,
    startedAt: 0,
    gone: false,
    onGone: undefined,
    prefix: '/',
    access: 'silent',
    isCut: false,
    isLast: false,
    webSocket: undefined,
  }
  response.once('close', () => {
    exchange.gone = true
    exchange.onGone?.()
  })
  response.on('error', () => {})
  const delivery = deliveryOf(exchange, target, forwarded)
  const outcome = await transport.forward(delivery, replica)
  if (outcome.type !== 'answered') response.destroy()
  delivery.upload.discard()
}

const server = createServer((request, response) => void handle(request, response))
server.listen(Number(process.env['PORT']), '127.0.0.1')
