import type { ServerResponse } from 'node:http'
import { expect } from 'chai'
import { eventually } from '../helpers/eventually.ts'
import { type Bench, type RawClient, rawClient, type StandIn, startBench } from '../helpers/proxy.ts'

const IDLE = { ongoing: 0, queued: 0, leased: 0 }
const HOST = 'Host: a\r\n'

describe('clients that misbehave', () => {
  let bench: Bench
  let replica: StandIn
  /** Responses of `/hold` and `/stream`, which go on until the test ends them. */
  let held: ServerResponse[]
  beforeEach(async () => {
    bench = await startBench()
    held = []
    replica = await bench.standIn((request, response) => {
      if (request.url === '/echo') return request.pipe(response)
      held.push(response)
      if (request.url === '/stream') response.write('first')
      return request.resume()
    })
    bench.route({ maxOngoingRequests: 1000, replicas: [replica.replica] })
  })
  afterEach(() => bench.stop())

  /** The proxy serves, nothing of those before is left in it, and each of their requests was logged. */
  async function expectUnharmed(): Promise<void> {
    await eventually(() => bench.proxy.gauges.ongoing === 0)
    expect(bench.proxy.gauges).to.deep.equal(IDLE)
    expect(await (await bench.get('/echo', { method: 'POST', body: 'fine' })).text()).to.equal('fine')
    expect(bench.problems).to.deep.equal([])
    await eventually(() => replica.counts.ongoing === 0)
  }

  it('by leaving are noticed in every phase by the replica: 1,000 of 1,000', async () => {
    const phases: Record<string, { text: string; isReached: (client: RawClient) => boolean }> = {
      waiting: { text: `GET /hold HTTP/1.1\r\n${HOST}\r\n`, isReached: () => true },
      'waiting after its body': {
        text: `POST /hold HTTP/1.1\r\n${HOST}Content-Length: 3\r\n\r\nabc`,
        isReached: () => true,
      },
      streaming: { text: `GET /stream HTTP/1.1\r\n${HOST}\r\n`, isReached: ({ text }) => text.includes('first') },
      uploading: { text: `POST /hold HTTP/1.1\r\n${HOST}Content-Length: 9\r\n\r\nabc`, isReached: () => true },
    }
    for (const { text, isReached } of Object.values(phases)) {
      const seen = replica.requests.length
      const clients = Array.from({ length: 200 }, () => rawClient(bench.port, text))
      await eventually(() => replica.requests.length === seen + 200 && clients.every(isReached))
      for (const [n, { socket }] of clients.entries()) n % 2 === 0 ? socket.destroy() : socket.resetAndDestroy()
    }
    await eventually(() => replica.counts.aborted === 800)
    bench.route({ maxOngoingRequests: 0, replicas: [replica.replica] })
    const clients = Array.from({ length: 200 }, () => rawClient(bench.port, `GET /queued HTTP/1.1\r\n${HOST}\r\n`))
    await eventually(() => bench.proxy.gauges.queued === 200)
    for (const { socket } of clients) socket.destroy()
    await eventually(() => bench.proxy.gauges.ongoing === 0)
    expect(replica.requests).to.have.length(800)
    expect(bench.lines.map(({ status }) => status)).to.deep.equal(Array.from({ length: 1000 }, () => 499))
    bench.route({ replicas: [replica.replica] })
    await expectUnharmed()
  }).timeout(30_000)

  it('by sending half a request, or garbage, harm nobody', async () => {
    const whole = `POST /echo?x=1 HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`
    const texts = [
      ...Array.from({ length: whole.length }, (_, length) => whole.slice(0, length)),
      '\x00'.repeat(100_000),
      '\r\n'.repeat(10_000),
      `GET /${'a'.repeat(100_000)} HTTP/1.1\r\n${HOST}\r\n`,
      `GET / HTTP/1.1\r\n${HOST}X: ${'a'.repeat(100_000)}\r\n\r\n`,
      `GET / HTTP/1.1\r\n${HOST}${'X: a\r\n'.repeat(5000)}\r\n`,
      `POST /echo HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n`,
      `POST /echo HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc`,
      `POST /echo HTTP/1.1\r\n${HOST}Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd`,
      `POST /echo HTTP/1.1\r\n${HOST}Content-Length: -1\r\n\r\n`,
      'GET http://[::bad/ HTTP/1.1\r\nHost: [::bad\r\n\r\n',
      `GET / HTTP/9.9\r\n${HOST}\r\n`,
      `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n`,
      '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
      'CONNECT x:1 HTTP/1.1\r\nHost: x:1\r\n\r\n',
      `GET /ws HTTP/1.1\r\n${HOST}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n\x00\x01\x02`,
      `GET /echo HTTP/1.1\r\n${HOST}__proto__: x\r\nConstructor: y\r\n\r\n`,
    ]
    for (const text of texts) {
      const clients = [rawClient(bench.port, text), rawClient(bench.port, text), rawClient(bench.port, text)]
      clients[0]?.socket.end()
      await eventually(() => clients.every(({ socket }) => socket.bytesWritten >= text.length || socket.destroyed))
      clients[1]?.socket.destroy()
      await new Promise((resolve) => setImmediate(resolve))
      clients[2]?.socket.resetAndDestroy()
    }
    for (const response of held) response.end()
    await expectUnharmed()
  }).timeout(30_000)

  it('in their heads are answered 400 or 431 and hung up on', async () => {
    const cases: [RegExp, string][] = [
      [/^HTTP\/1.1 400 /, 'garbage\r\n\r\n'],
      [/^HTTP\/1.1 400 /, `GET /a b HTTP/1.1\r\n${HOST}\r\n`],
      [/^HTTP\/1.1 400 /, `POST / HTTP/1.1\r\n${HOST}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n`],
      [/^HTTP\/1.1 400 /, `GET / HTTP/1.1\r\n${HOST}X : 1\r\n\r\n`],
      [/^HTTP\/1.1 400 /, `GET / HTTP/1.1\r\n${HOST}X: a\r\n b\r\nY: \x01\r\n\r\n`],
      [/^HTTP\/1.1 431 /, `GET / HTTP/1.1\r\n${HOST}X: ${'a'.repeat(20_000)}\r\n\r\n`],
    ]
    for (const [answer, text] of cases) {
      const client = rawClient(bench.port, text)
      await eventually(() => client.isClosed)
      expect(client.text, JSON.stringify(text.slice(0, 60))).to.match(answer)
    }
    await expectUnharmed()
  })

  it('by pipelining and leaving are forgotten with all of their requests', async () => {
    const client = rawClient(bench.port, `GET /hold HTTP/1.1\r\n${HOST}\r\n`.repeat(10))
    await eventually(() => held.length === 10)
    // The answer to the second waits for the first: nothing is shown of it.
    held[1]?.end('second')
    client.socket.destroy()
    await eventually(() => bench.lines.length === 10 && replica.counts.ongoing === 0)
    await expectUnharmed()
  })

  it('get the answers to pipelined requests in order', async () => {
    const client = rawClient(bench.port, `GET /hold HTTP/1.1\r\n${HOST}\r\n`.repeat(2))
    await eventually(() => held.length === 2)
    held[1]?.end('second')
    await eventually(() => replica.counts.ongoing === 1)
    held[0]?.end('first')
    await eventually(() => client.text.endsWith('second\r\n0\r\n\r\n') || client.text.endsWith('second'))
    expect(client.text).to.match(/first[^]*second/)
    client.socket.destroy()
    await expectUnharmed()
  })
})
