/**
 * The proxy's transport without the rest: the next replica in turn, the same id for everybody, no headers of the
 * client's, no pool, no retries, no access line. Dividing the proxy by this gives the price of its features; it is the round robin of the slow replica too.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createTransport } from '../../proxy/forward.ts'
import { readTarget } from '../../proxy/match.ts'
import { Upload } from '../../proxy/upload.ts'
import { systemClock } from '../../shared/clock.ts'
import { newReplicaId } from '../../shared/ids.ts'

const addresses = (process.env['UPSTREAMS'] ?? '').split(',')
const replicas = addresses.map((address) => ({ id: newReplicaId(Math.random), address }))
const transport = createTransport(systemClock)
let turn = 0

async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
  turn += 1
  const replica = replicas[turn % replicas.length]
  const target = readTarget(request.url ?? '')
  if (replica === undefined || target === undefined) return void response.destroy()
  const caller: { gone: boolean; onGone: (() => void) | undefined } = { gone: false, onGone: undefined }
  response.once('close', () => {
    caller.gone = true
    caller.onGone?.()
  })
  response.on('error', () => {})
  const headers = ['host', request.headers.host ?? '']
  const upload = new Upload(request, 'none')
  const outcome = await transport.forward({ id: 'none', request, response, caller, target, headers, upload }, replica)
  if (outcome.type !== 'answered') response.destroy()
  upload.discard()
}

const server = createServer((request, response) => void handle(request, response))
server.listen(Number(process.env['PORT']), '127.0.0.1')
