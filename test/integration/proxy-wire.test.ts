import { type IncomingMessage, request as httpRequest, type RequestListener, type Server } from 'node:http'
import type { Socket } from 'node:net'
import { expect } from 'chai'
import { eventually } from '../helpers/eventually.ts'
import { type Bench, exchangeRaw, rawClient, rawStandIn, type StandIn, startBench } from '../helpers/proxy.ts'

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'

const echo: RequestListener = (request, response) => request.pipe(response)

describe('the connections to a replica', () => {
  let bench: Bench
  beforeEach(async () => {
    bench = await startBench()
  })
  afterEach(() => bench.stop())

  /** A replica that answers each request on a connection of its own with what `answer` does to it. */
  const byHand = (answer: (socket: Socket, nth: number) => void): Promise<StandIn> => {
    let requests = 0
    return rawStandIn(bench.socketPath('by-hand'), (socket) => {
      socket.on('data', () => {
        requests += 1
        answer(socket, requests)
      })
    })
  }

  it('are kept whatever the method, with and without a body', async () => {
    const replica = await bench.standIn(echo)
    bench.serve(replica)
    const methods = ['GET', 'HEAD', 'POST', 'DELETE', 'OPTIONS', 'PATCH']
    for (const method of methods) {
      for (const head of ['', 'Content-Length: 2\r\n', 'Transfer-Encoding: chunked\r\n']) {
        const body = head === '' ? '' : head.startsWith('C') ? 'ab' : '2\r\nab\r\n0\r\n\r\n'
        const text = `${method} / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${head}\r\n${body}`
        expect(await exchangeRaw(bench.port, text), text).to.match(/^HTTP\/1.1 200 /)
      }
    }
    expect(replica.requests).to.have.length(18)
    expect(replica.counts.connections).to.equal(1)
  })

  it('are opened again without a failure when the replica has closed them', async () => {
    const replica = await bench.standIn(echo)
    bench.serve(replica)
    const closeIdle = () => (replica.server as Server).closeIdleConnections()
    for (let n = 0; n < 50; n += 1) {
      const answer = bench.get('/', { method: 'POST', body: String(n) })
      if (n % 2 === 0) closeIdle()
      expect(await (await answer).text(), bench.problems.join()).to.equal(String(n))
      if (n % 2 === 1) closeIdle()
    }
    expect(replica.requests).to.have.length(50)
    expect(replica.counts.connections).to.be.greaterThan(10)
  })

  it('are not waited for: each of many requests at once has its own', async () => {
    const held: (() => void)[] = []
    const replica = await bench.standIn((_, response) => held.push(() => response.end('done')))
    bench.route({ maxOngoingRequests: 1000, replicas: [replica.replica] })
    const answers = Array.from({ length: 200 }, () =>
      exchangeRaw(bench.port, GET.replace('a\r', 'a\r\nConnection: close\r')),
    )
    await eventually(() => held.length === 200)
    for (const end of held) end()
    expect((await Promise.all(answers)).every((answer) => answer.endsWith('done'))).to.equal(true)
  })

  it('that are reset while the client reads slowly break that answer and nothing else', async () => {
    const replica = await byHand((socket, nth) => {
      if (nth !== 2) return
      // The rest of the upload is never read: closing then resets.
      socket.pause()
      socket.write(`HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n${'x'.repeat(20_000)}`, () => {
        setTimeout(() => socket.write('x'.repeat(10_000), () => setTimeout(() => socket.destroy(), 20)), 20)
      })
    })
    bench.serve(replica)
    // The second answer has to wait for the first, and may not be read any further.
    const post = `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n${'x'.repeat(300_000)}`
    const client = rawClient(bench.port, GET + post)
    await eventually(() => bench.problems.length === 1)
    expect(bench.problems[0]).to.match(/EPIPE|ECONNRESET/)
    client.socket.destroy()
    await eventually(() => bench.proxy.gauges.ongoing === 0)
    await replica.stop()
  })

  it('are closed at once when the client leaves before the first byte of its body', async () => {
    const replica = await bench.standIn(echo)
    bench.serve(replica)
    const client = rawClient(bench.port, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n')
    await eventually(() => bench.proxy.gauges.leased === 1)
    client.socket.destroy()
    await eventually(() => bench.lines.length === 1)
    expect([bench.lines[0]?.status, bench.proxy.gauges.leased]).to.deep.equal([499, 0])
    await eventually(() => replica.counts.ongoing === 0)
  })

  describe('bring', () => {
    it('an answer that ends with its connection', async () => {
      const replica = await byHand((socket) => {
        socket.write('HTTP/1.1 200 OK\r\nX: 1\r\n\r\nfirst ')
        setTimeout(() => socket.end('second'), 20)
      })
      bench.serve(replica)
      expect(await (await bench.get('/')).text()).to.equal('first second')
      await replica.stop()
    })

    it('early hints and other informational answers, as they come', async () => {
      const held: (() => void)[] = []
      const replica = await bench.standIn((_, response) => {
        response.writeProcessing()
        response.writeEarlyHints({ link: ['</a.css>; rel=preload', '</b.css>; rel=preload'], 'X-Request-Id': 'forged' })
        held.push(() => response.end('done'))
      })
      bench.serve(replica)
      const hints: { statusCode: number; headers: unknown }[] = []
      const request = httpRequest({ port: bench.port }).end()
      request.on('information', ({ statusCode, headers }) => hints.push({ statusCode, headers }))
      await eventually(() => hints.length === 2)
      expect(hints).to.deep.equal([
        { statusCode: 102, headers: {} },
        { statusCode: 103, headers: { link: '</a.css>; rel=preload, </b.css>; rel=preload' } },
      ])
      held.shift()?.()
      const [answer] = await new Promise<IncomingMessage[]>((resolve) =>
        request.on('response', (got) => resolve([got])),
      )
      expect(String(await answer?.toArray())).to.equal('done')
      const old = rawClient(bench.port, 'GET / HTTP/1.0\r\n\r\n')
      await eventually(() => held.length === 1)
      held.shift()?.()
      await eventually(() => old.isClosed)
      expect(old.text).to.match(/^HTTP\/1.1 200 OK\r\n/)
    })
  })
})
