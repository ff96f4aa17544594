import type { RequestListener, ServerResponse } from 'node:http'
import { expect } from 'chai'
import { eventually } from '../helpers/eventually.ts'
import { type Bench, rawClient, startBench } from '../helpers/proxy.ts'

const never: RequestListener = () => {}

const beginOnly: RequestListener = (_, response) => {
  response.writeHead(200)
  response.write('part')
}

describe('a request that takes too long', () => {
  let bench: Bench
  afterEach(() => bench.stop())
  const start = async (requestTimeoutS: number | null): Promise<void> => {
    bench = await startBench({ http: { requestTimeoutS } })
  }
  const get = (wish?: string): Promise<Response> =>
    bench.get('/', {
      headers: { 'x-request-id': 'id', ...(wish !== undefined && { 'x-request-timeout-seconds': wish }) },
    })

  it('is answered 408, as the reference does, and its replica hears of it', async () => {
    await start(0.2)
    const replica = await bench.standIn(never)
    bench.serve(replica)
    const answer = await get()
    expect([answer.status, answer.headers.get('x-request-id')]).to.deep.equal([408, 'id'])
    expect(answer.headers.get('content-type')).to.equal('text/plain; charset=utf-8')
    expect(await answer.text()).to.equal('Request id timed out after 0.2s.')
    await eventually(() => replica.counts.aborted === 1 && bench.lines.length === 1)
    expect([bench.lines[0]?.status, bench.problems, bench.proxy.gauges.leased]).to.deep.equal([408, [], 0])
  })

  it('may say by itself how long it waits, or that it waits for ever', async () => {
    await start(0.3)
    let isReady = false
    const held: ServerResponse[] = []
    bench.serve(await bench.standIn((_, response) => (isReady ? response.end('late') : void held.push(response))))
    expect(await (await get('0.1')).text()).to.equal('Request id timed out after 0.1s.')
    const patient = get('0')
    await eventually(() => held.length === 2)
    expect(await (await get('soon')).text()).to.equal('Request id timed out after 0.3s.')
    isReady = true
    held[1]?.end('late')
    expect(await (await patient).text()).to.equal('late')
    expect((await get('30')).status).to.equal(200)
  })

  it('leaves the queue, and never reaches a replica', async () => {
    await start(null)
    const held: ServerResponse[] = []
    const replica = await bench.standIn((_, response) => held.push(response))
    bench.route({ maxOngoingRequests: 1, replicas: [replica.replica] })
    const first = bench.get('/first')
    await eventually(() => held.length === 1)
    expect((await get('0.1')).status).to.equal(408)
    expect(bench.proxy.gauges.queued).to.equal(0)
    held[0]?.end()
    await first
    const third = bench.get('/third')
    await eventually(() => held.length === 2)
    held[1]?.end()
    await third
    expect(replica.requests).to.deep.equal(['GET /first', 'GET /third'])
  })

  it('has no more time because it is tried again', async () => {
    await start(0.3)
    const dead = await bench.standIn(never)
    await dead.stop()
    bench.serve(dead)
    expect((await get()).status).to.equal(408)
    bench.serve(await bench.standIn((_, response) => response.writeHead(503, { 'x-batoid-refused': 'busy' }).end()))
    expect((await get()).status).to.equal(408)
    await eventually(() => bench.proxy.gauges.ongoing === 0)
    expect([bench.proxy.gauges.queued, bench.proxy.gauges.leased]).to.deep.equal([0, 0])
  })

  it('is broken off when its answer has begun, with the status that it had', async () => {
    await start(0.3)
    const replica = await bench.standIn(beginOnly)
    bench.serve(replica)
    const client = rawClient(bench.port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await eventually(() => client.isClosed)
    expect(client.text).to.match(/^HTTP\/1.1 200 OK\r\n[^]*part\r\n$/)
    await eventually(() => replica.counts.aborted === 1 && bench.lines.length === 1)
    expect(bench.lines[0]?.status).to.equal(200)
  })
})
