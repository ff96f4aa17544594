import { expect } from 'chai'
import { eventually } from '../helpers/eventually.ts'
import { type Bench, rawClient, rawStandIn, startBench } from '../helpers/proxy.ts'

describe('what ends a request', () => {
  let bench: Bench
  beforeEach(async () => {
    bench = await startBench({ http: { requestTimeoutS: 1 } })
  })
  afterEach(async () => {
    await bench.stop()
    expect(bench.proxy.gauges).to.deep.equal({ ongoing: 0, queued: 0, leased: 0 })
  })

  const byHand = async (name: string, answer: string) => {
    const replica = await rawStandIn(bench.socketPath(name), (socket) => {
      socket.on('data', () => socket.write(answer, 'latin1'))
    })
    bench.serve(replica)
    return replica
  }

  it('by leaving is seen in the queue, also in the middle of an upload', async () => {
    bench.route({ replicas: [] })
    const client = rawClient(
      bench.port,
      `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\n\r\n${'x'.repeat(300_000)}`,
    )
    await eventually(() => bench.proxy.gauges.queued === 1)
    client.socket.resetAndDestroy()
    await eventually(() => bench.proxy.gauges.queued === 0)
    expect(bench.lines[0]?.status).to.equal(499)
  })

  it('in the queue loses nothing of a body that was read while it waited', async () => {
    bench.route({ replicas: [] })
    const body = Array.from({ length: 300_000 }, (_, n) => String(n % 10)).join('')
    const answer = bench.get('/', { method: 'POST', body })
    await eventually(() => bench.proxy.gauges.queued === 1)
    bench.serve(
      await bench.standIn((request, response) => {
        let got = ''
        request.on('data', (chunk: Buffer) => (got += chunk.toString()))
        request.on('end', () => response.end(String(got === body)))
      }),
    )
    expect(await (await answer).text()).to.equal('true')
  })

  it('with a length, though 304 has no body, is no failure', async () => {
    const replica = await byHand('304', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\n')
    for (let n = 0; n < 10; n += 1) expect((await bench.get('/')).status).to.equal(304)
    expect(bench.problems).to.deep.equal([])
    await replica.stop()
  })

  it('with a status below 100 is nothing that a client should see', async () => {
    const replica = await byHand('099', 'HTTP/1.1 099 What\r\n\r\n')
    expect((await bench.get('/', { method: 'POST' })).status).to.equal(502)
    await replica.stop()
  })

  it('by CONNECT, behind a request that is not answered yet, is no answer to that', async () => {
    bench.serve(await bench.standIn(() => {}))
    const client = rawClient(bench.port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\nCONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n')
    await eventually(() => client.isClosed)
    expect(client.text).to.equal('')
  })

  it('does not let informational answers pile up before a client that reads none', async () => {
    let sent = 0
    const replica = await rawStandIn(bench.socketPath('flood'), (socket) => {
      const more = (): void => {
        while (sent < 200_000 && socket.write(`HTTP/1.1 103 Early Hints\r\nLink: <${'x'.repeat(900)}>\r\n\r\n`))
          sent += 1
        sent += 1
      }
      socket.once('data', more).on('drain', more)
    })
    bench.serve(replica)
    const client = rawClient(bench.port)
    client.socket.pause()
    client.socket.write('GET / HTTP/1.1\r\nHost: a\r\nx-request-timeout-seconds: 60\r\n\r\n')
    const before = process.memoryUsage().rss
    await eventually(() => sent > 100_000, { withinMs: 20_000 })
    expect(process.memoryUsage().rss - before).to.be.lessThan(80_000_000)
    client.socket.destroy()
    await replica.stop()
  }).timeout(30_000)
})
