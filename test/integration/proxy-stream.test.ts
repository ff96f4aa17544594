import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { setTimeout } from 'node:timers/promises'
import { expect } from 'chai'
import { eventually } from '../helpers/eventually.ts'
import { type Bench, connectionsOf, exchangeRaw, rawClient, startBench } from '../helpers/proxy.ts'

const MIB = 1024 * 1024
const CHUNK = Buffer.alloc(64 * 1024, 'x')

/** `chunks` chunks, and how many of them have been asked for so far. */
function source(chunks: number): { stream: Readable; made: () => number } {
  let made = 0
  const stream = Readable.from(
    (async function* () {
      for (; made < chunks; made += 1) yield CHUNK
    })(),
    { objectMode: false },
  )
  return { stream, made: () => made }
}

/** Counts what it receives; takes a rest in the middle, during which the other end must stop too. */
async function readSlowly(stream: Readable, restAtBytes: number, whileResting: () => void): Promise<number> {
  let bytes = 0
  let isRested = false
  for await (const chunk of stream) {
    bytes += chunk.length
    if (isRested || bytes < restAtBytes) continue
    isRested = true
    await setTimeout(500)
    whileResting()
  }
  return bytes
}

describe('a body on its way through the proxy', () => {
  let bench: Bench
  beforeEach(async () => {
    bench = await startBench()
  })
  afterEach(() => bench.stop())

  it('arrives chunk by chunk: the head before the body, the first chunk before the second is made', async () => {
    let made: ServerResponse | undefined
    bench.serve(
      await bench.standIn((_, response) => {
        made = response
        response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
      }),
    )
    const client = rawClient(bench.port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await eventually(() => client.text.endsWith('\r\n\r\n'))
    for (const event of ['data: 1', 'data: 2', 'data: 3']) {
      made?.write(event)
      await eventually(() => client.text.endsWith(`7\r\n${event}\r\n`))
    }
    made?.end()
    await eventually(() => client.text.endsWith('0\r\n\r\n'))
    client.socket.destroy()
  })

  it('reaches the replica chunk by chunk, which may answer while it still arrives', async () => {
    let received = ''
    bench.serve(
      await bench.standIn((request, response) => {
        request.on('data', (chunk) => {
          received += chunk
        })
        request.pipe(response)
      }),
    )
    const client = rawClient(bench.port, 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n')
    for (const part of ['one', 'two']) {
      client.socket.write(`3\r\n${part}\r\n`)
      await eventually(() => received.endsWith(part) && client.text.endsWith(`3\r\n${part}\r\n`))
    }
    client.socket.write('0\r\n\r\n')
    await eventually(() => client.text.endsWith('0\r\n\r\n'))
    client.socket.destroy()
  })

  it('of 200 MB from the replica takes bounded memory, however slow the client', async () => {
    const { stream, made } = source(3200)
    bench.serve(await bench.standIn((_, response) => stream.pipe(response)))
    const request = httpRequest({ port: bench.port, agent: false }).end()
    const [answer]: IncomingMessage[] = await once(request, 'response')
    const before = process.memoryUsage.rss()
    let ahead = Number.NaN
    let grown = Number.NaN
    const bytes = await readSlowly(answer ?? Readable.from([]), 100 * MIB, () => {
      ahead = made() * CHUNK.length - 100 * MIB
      grown = process.memoryUsage.rss() - before
    })
    expect(bytes).to.equal(200 * MIB)
    expect(ahead).to.be.lessThan(40 * MIB)
    expect(grown).to.be.lessThan(150 * MIB)
  })

  it('in many small pieces is held up once by a client that takes its time, not once a piece', async () => {
    const warnings: string[] = []
    const warned = ({ message }: Error): void => void warnings.push(message)
    process.on('warning', warned)
    const pieces = 20_000
    let isHeldUp = false
    const stream = Readable.from(Array.from({ length: pieces }, () => Buffer.alloc(500, 'x')))
    bench.serve(
      await bench.standIn((_, response) => {
        stream.pipe(response)
        stream.on('pause', () => {
          isHeldUp = true
        })
      }),
    )
    const client = rawClient(bench.port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    client.socket.pause()
    await eventually(() => isHeldUp && bench.proxy.gauges.leased === 1 && stream.isPaused())
    client.socket.resume()
    await eventually(() => client.text.endsWith('\r\n0\r\n\r\n'))
    process.off('warning', warned)
    // Where it is cut into chunks is the proxy's business.
    const [, body = ''] = client.text.split(/\r\n\r\n(.*)/s)
    expect(body.split('x')).to.have.length(pieces * 500 + 1)
    expect(warnings).to.deep.equal([])
    client.socket.destroy()
  })

  it('of 200 MB from the client takes bounded memory, however slow the replica', async () => {
    const { stream, made } = source(3200)
    const before = process.memoryUsage.rss()
    let ahead = Number.NaN
    let grown = Number.NaN
    bench.serve(
      await bench.standIn((request, response) => {
        void readSlowly(request, 100 * MIB, () => {
          ahead = made() * CHUNK.length - 100 * MIB
          grown = process.memoryUsage.rss() - before
        }).then((bytes) => response.end(String(bytes)))
      }),
    )
    const request = httpRequest({ port: bench.port, agent: false, method: 'POST' })
    stream.pipe(request)
    const [answer]: IncomingMessage[] = await once(request, 'response')
    expect(String(await answer?.toArray())).to.equal(String(200 * MIB))
    expect(ahead).to.be.lessThan(40 * MIB)
    expect(grown).to.be.lessThan(150 * MIB)
  })

  it('that the replica answers without reading it does not hang the client', async () => {
    const replica = await bench.standIn((_, response) => response.writeHead(413).end('too large'))
    bench.serve(replica)
    const answer = await bench.get('/', { method: 'POST', body: 'x'.repeat(20_000_000) })
    expect([answer.status, await answer.text()]).to.deep.equal([413, 'too large'])
    await eventually(async () => (await connectionsOf(replica)) === 0)
    const head = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5000000\r\n\r\n'
    const text = await exchangeRaw(
      bench.port,
      `${head}${'x'.repeat(5_000_000)}GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`,
    )
    expect(text.match(/HTTP\/1.1 413/g)).to.have.length(2)
    await eventually(() => bench.proxy.gauges.ongoing === 0 && replica.counts.ongoing === 0)
  })
})
