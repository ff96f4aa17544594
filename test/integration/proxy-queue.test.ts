import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import { expect } from 'chai'
import { eventually } from '../helpers/eventually.ts'
import { type Bench, connectionsOf, rawClient, type StandIn, startBench } from '../helpers/proxy.ts'

/** A stand-in whose requests wait until the test lets them go on. */
async function gated(bench: Bench): Promise<StandIn & { held: ServerResponse[] }> {
  const held: ServerResponse[] = []
  const standIn = await bench.standIn((_, response) => held.push(response))
  return Object.assign(standIn, { held })
}

describe('a request whose replicas are busy or missing', () => {
  let bench: Bench
  beforeEach(async () => {
    bench = await startBench()
  })
  afterEach(() => bench.stop())

  it('waits while there is no replica, and goes on as soon as there is one', async () => {
    bench.serve()
    const answer = bench.get('/', { method: 'POST', body: 'x' })
    await eventually(() => bench.proxy.gauges.queued === 1)
    bench.serve(await bench.standIn((_, response) => response.end('here')))
    expect(await (await answer).text()).to.equal('here')
  })

  it('waits for its turn, and all are served in the order in which they came', async () => {
    const replica = await gated(bench)
    bench.route({ maxOngoingRequests: 1, replicas: [replica.replica] })
    const answers: Promise<Response>[] = []
    for (let n = 0; n < 10; n += 1) {
      answers.push(bench.get(`/${n}`))
      await eventually(() => bench.proxy.gauges.ongoing === n + 1)
    }
    for (let n = 0; n < 10; n += 1) {
      await eventually(() => replica.held.length === 1)
      replica.held.shift()?.end()
    }
    await Promise.all(answers)
    expect(replica.requests).to.deep.equal(Array.from({ length: 10 }, (_, n) => `GET /${n}`))
  })

  it('is turned away when too many wait already, as configured, and leaves room when it leaves', async () => {
    const replica = await gated(bench)
    const limits = { maxOngoingRequests: 1, maxQueuedRequests: 1, replicas: [replica.replica] }
    bench.route(limits)
    const first = bench.get('/1')
    await eventually(() => replica.held.length === 1)
    const waiting = rawClient(bench.port, 'GET /2 HTTP/1.1\r\nHost: a\r\n\r\n')
    await eventually(() => bench.proxy.gauges.queued === 1)
    const dropped = await bench.get('/3')
    expect([dropped.status, dropped.headers.has('retry-after')]).to.deep.equal([503, false])
    expect(await dropped.text()).to.equal(
      'Request dropped due to backpressure (num_queued_requests=1, max_queued_requests=1).',
    )
    bench.route({ ...limits, backpressure: { statusCode: 429, retryAfterS: 1.2 } })
    const told = await bench.get('/4')
    expect([told.status, told.headers.get('retry-after')]).to.deep.equal([429, '2'])
    waiting.socket.destroy()
    await eventually(() => bench.proxy.gauges.queued === 0)
    const last = bench.get('/5')
    await eventually(() => bench.proxy.gauges.queued === 1)
    replica.held.shift()?.end()
    await eventually(() => replica.held.length === 1)
    replica.held.shift()?.end()
    await Promise.all([first, last])
    expect(replica.requests).to.deep.equal(['GET /1', 'GET /5'])
  })

  it('is told when its deployment fails or its application is deleted while it waits', async () => {
    bench.serve()
    const failed = bench.get('/')
    await eventually(() => bench.proxy.gauges.queued === 1)
    bench.route({ failed: true })
    expect((await failed).status).to.equal(503)
    bench.serve()
    const removed = bench.get('/x?y=1')
    await eventually(() => bench.proxy.gauges.queued === 1)
    bench.route()
    expect(await (await removed).text()).to.contain(`Path '/x' not found`)
  })

  it('goes to the less busy of two replicas', async () => {
    const [busy, idle] = [await gated(bench), await bench.standIn((_, response) => response.end())]
    bench.serve(busy)
    const before = Array.from({ length: 50 }, () => bench.get('/'))
    await eventually(() => busy.held.length === 50)
    bench.serve(busy, idle)
    for (let n = 0; n < 20; n += 1) await bench.get('/')
    expect([busy.requests.length, idle.requests.length]).to.deep.equal([50, 20])
    for (const response of busy.held) response.end()
    await Promise.all(before)
  })

  it('keeps its replica when that leaves the table, whose connections are closed only then', async () => {
    const [old, young] = [await gated(bench), await bench.standIn((_, response) => response.end('young'))]
    bench.serve(old)
    const [a, b] = [bench.get('/a'), bench.get('/b')]
    await eventually(() => old.held.length === 2)
    old.held.pop()?.end('old')
    await Promise.race([a, b])
    bench.serve(young)
    expect(await (await bench.get('/')).text()).to.equal('young')
    expect(await connectionsOf(old)).to.be.greaterThan(0)
    old.held.pop()?.end('old')
    expect(await Promise.all([a, b].map(async (answer) => (await answer).text()))).to.deep.equal(['old', 'old'])
    await eventually(async () => (await connectionsOf(old)) === 0)
  })

  it('ignores a table that was overtaken, and tells only of changed routes', async () => {
    bench.proxy.accept({ version: 5, routes: [] })
    bench.proxy.accept({ version: 4, routes: [] })
    bench.serve()
    expect(await (await bench.get('/-/routes')).text()).to.equal('{}')
    expect(bench.updates).to.deep.equal(['{}'])
  })

  describe('when the proxy closes', () => {
    it('is finished, on a connection that is then closed, while new connections are refused', async () => {
      const replica = await gated(bench)
      bench.serve(replica)
      const idle = rawClient(bench.port, 'GET /-/healthz HTTP/1.1\r\nHost: a\r\n\r\n')
      const clients = [1, 2].map((n) => rawClient(bench.port, `GET /${n} HTTP/1.1\r\nHost: a\r\n\r\n`))
      await eventually(() => replica.held.length === 2 && idle.text !== '')
      replica.held[1]?.flushHeaders()
      await eventually(() => clients.some(({ text }) => text !== ''))
      const closed = bench.proxy.close(60_000)
      await eventually(() => idle.isClosed)
      for (const response of replica.held) response.end('done')
      await closed
      await eventually(() => clients.every(({ isClosed, text }) => isClosed && text.includes('done')))
      expect(clients.filter(({ text }) => /^connection: close/im.test(text))).to.have.length(1)
      const late = rawClient(bench.port)
      await eventually(() => late.error === 'ECONNREFUSED')
    })

    it('is not cut short because its client has not yet taken the end of its answer', async () => {
      const replica = await gated(bench)
      bench.serve(replica)
      const accepted = once(bench.proxy.server, 'connection')
      const client = rawClient(bench.port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n')
      client.socket.pause()
      const [server]: Socket[] = await accepted
      await eventually(() => replica.held.length === 1)
      // Until the kernel takes no more, and the last piece stays in the proxy.
      const written = (): number => server?.bytesWritten ?? 0
      const isStuck = (): boolean => server?.writableLength !== 0
      while (!isStuck()) {
        const before = written()
        replica.held[0]?.write(Buffer.alloc(4096))
        while (written() === before) await setImmediate()
      }
      replica.held[0]?.end()
      await eventually(() => bench.proxy.gauges.leased === 0)
      expect(bench.proxy.gauges.ongoing).to.equal(1)
      const closed = bench.proxy.close(10_000)
      client.socket.resume()
      await closed
      await eventually(() => client.isClosed)
      expect(client.text.endsWith('\r\n0\r\n\r\n')).to.equal(true)
    })

    it('is cut off when the grace is over, and its replica hears of it', async () => {
      const replica = await gated(bench)
      bench.serve(replica)
      const client = rawClient(bench.port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n')
      await eventually(() => replica.held.length === 1)
      await bench.proxy.close(50)
      await eventually(() => client.isClosed && replica.counts.aborted === 1)
      expect(bench.proxy.gauges).to.deep.equal({ ongoing: 0, queued: 0, leased: 0 })
    })

    it('may learn on its connection that the node is being drained', async () => {
      const replica = await gated(bench)
      bench.serve(replica)
      const client = rawClient(bench.port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n')
      await eventually(() => replica.held.length === 1)
      replica.held[0]?.flushHeaders()
      await eventually(() => client.text.startsWith('HTTP/1.1 200 OK'))
      const closed = bench.proxy.close(10_000)
      client.socket.write('GET /-/healthz HTTP/1.1\r\nHost: a\r\n\r\n')
      await eventually(() => bench.proxy.gauges.ongoing === 2)
      replica.held[0]?.end('done')
      await closed
      await eventually(() => client.isClosed)
      expect(client.text).to.match(/done[^]*HTTP\/1.1 503 [^]*This node is being drained\.$/)
    })
  })
})
