import { createHash } from 'node:crypto'
import { connect } from 'node:net'
import { expect } from 'chai'
import { eventually } from '../helpers/eventually.ts'
import { type Bench, type BenchOptions, exchangeRaw, rawClient, type StandIn, startBench } from '../helpers/proxy.ts'

const HEAD = 'Host: a\r\n'
const CHUNKED = `POST /echo HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\n`
/** More than the kernel takes of an answer that nobody reads. */
const LARGE = Buffer.alloc(32 * 1024 * 1024, 'x')

describe('a client at its limits', () => {
  let bench: Bench
  let replica: StandIn
  /** Ends what `/hold` has begun. */
  let release: () => void

  async function start(options: BenchOptions = {}): Promise<void> {
    bench = await startBench(options)
    replica = await bench.standIn((request, response) => {
      if (request.url === '/large') return response.end(LARGE)
      if (request.url !== '/hold') return request.pipe(response)
      release = () => response.end('released')
      return request.resume()
    })
    bench.serve(replica)
  }

  afterEach(async () => {
    await eventually(() => bench.proxy.gauges.ongoing === 0 && replica.counts.ongoing === 0)
    expect(await (await bench.get('/echo', { method: 'POST', body: 'fine' })).text()).to.equal('fine')
    await bench.stop()
  })

  for (const [what, status, text] of [
    ['garbage', '400 Bad Request', 'garbage\r\n\r\n'],
    ['a tunnel', '400 Bad Request', 'CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n'],
    ['a target of 17 KB', '414 URI Too Long', `GET /${'a'.repeat(17_000)} HTTP/1.1\r\n${HEAD}\r\n`],
    ['a target without an end', '414 URI Too Long', `GET /${'a'.repeat(200_000)}`],
    [
      'a header of 17 KB',
      '431 Request Header Fields Too Large',
      `GET / HTTP/1.1\r\n${HEAD}X: ${'a'.repeat(17_000)}\r\n\r\n`,
    ],
    ['201 headers', '431 Request Header Fields Too Large', `GET / HTTP/1.1\r\n${HEAD}${'X: a\r\n'.repeat(200)}\r\n`],
    [
      '5,000 headers',
      '431 Request Header Fields Too Large',
      `GET / HTTP/1.1\r\n${HEAD}${'X: a\r\n'.repeat(4_999)}\r\n`,
    ],
    ['half a chunk', '400 Bad Request', `${CHUNKED}3\r\nabc\r\nzz\r\n`],
    ['a chunk extension of 17 KB', '413 Payload Too Large', `${CHUNKED}3;${'a'.repeat(17_000)}\r\nabc\r\n`],
  ] as const) {
    it(`is answered ${status} with a request id and hung up on: ${what}`, async () => {
      await start()
      const answer = await exchangeRaw(bench.port, text)
      const [head = '', body = ''] = answer.split('\r\n\r\n')
      expect(head).to.match(new RegExp(`^HTTP/1\\.1 ${status}\r\n`))
      expect(head)
        .to.match(/^connection: close\r?$/im)
        .and.to.match(/^x-request-id: [\da-f-]{36}\r?$/im)
      expect(head).to.match(new RegExp(`^content-length: ${body.length}\r?$`, 'im'))
      expect(body).to.match(/^The .*\.$/)
    })
  }

  it('may send 200 headers', async () => {
    await start()
    const text = `POST /echo HTTP/1.1\r\n${HEAD}Connection: close\r\n${'X: a\r\n'.repeat(198)}\r\n`
    expect(await exchangeRaw(bench.port, text)).to.match(/^HTTP\/1.1 200 /)
  })

  it('gets its answers, and none to garbage that follows a request in progress', async () => {
    await start()
    const client = rawClient(bench.port, `GET /hold HTTP/1.1\r\n${HEAD}\r\n`)
    await eventually(() => replica.requests.length === 1)
    client.socket.write('garbage\r\n\r\n')
    await eventually(() => client.isClosed)
    expect(client.text).to.equal('')
    expect(bench.lines.map(({ status }) => status)).to.deep.equal([499])
  })

  it('is answered 408 when the head of its request takes too long, however steadily it comes', async () => {
    await start({ limits: { headMs: 300, checkMs: 20 } })
    const client = rawClient(bench.port, 'GET / HTTP/1.1\r\n')
    const drip = setInterval(() => client.socket.write('X: a\r\n'), 50)
    await eventually(() => client.isClosed)
    clearInterval(drip)
    expect(client.text)
      .to.match(/^HTTP\/1.1 408 Request Timeout\r\n/)
      .and.to.match(/x-request-id: /)
    expect(bench.lines).to.deep.equal([])
  })

  it('is answered 408 when the body of its request stalls, and its replica hears of it', async () => {
    await start({ limits: { stallMs: 300 } })
    const client = rawClient(bench.port, `POST /hold HTTP/1.1\r\n${HEAD}Content-Length: 9\r\n\r\nabc`)
    await eventually(() => client.isClosed)
    expect(client.text)
      .to.match(/^HTTP\/1.1 408 Request Timeout\r\n/)
      .and.to.match(/connection: close\r\n/i)
    expect(client.text).to.match(/The body of the request did not arrive in time\.$/)
    expect(bench.lines.map(({ status }) => status)).to.deep.equal([408])
    await eventually(() => replica.counts.aborted === 1)
  })

  it('is cut off when the body stalls after the answer has begun', async () => {
    await start({ limits: { stallMs: 300 } })
    const client = rawClient(bench.port, `POST /echo HTTP/1.1\r\n${HEAD}Content-Length: 9\r\n\r\nabc`)
    await eventually(() => client.isClosed)
    expect(client.text)
      .to.match(/^HTTP\/1.1 200 [^]*abc/)
      .and.not.to.match(/408/)
  })

  it('may take longer than that for an upload that goes on', async () => {
    await start({ limits: { stallMs: 1_000 } })
    const client = rawClient(
      bench.port,
      `POST /echo HTTP/1.1\r\n${HEAD}Connection: close\r\nContent-Length: 12\r\n\r\n`,
    )
    let sent = 0
    const drip = setInterval(() => {
      client.socket.write('a')
      sent += 1
      if (sent === 12) clearInterval(drip)
    }, 150)
    await eventually(() => client.isClosed)
    expect(client.text).to.match(/^HTTP\/1.1 200 /)
    expect(sent).to.equal(12)
  })

  it('may wait for its answer as long as the replica takes', async () => {
    await start({ limits: { stallMs: 100 } })
    const answer = bench.get('/hold', { method: 'POST', body: 'b' })
    await eventually(() => replica.counts.ongoing === 1)
    let looks = 0
    bench.proxy.server.on('timeout', () => (looks += 1))
    await eventually(() => looks >= 3)
    release()
    expect(await (await answer).text()).to.equal('released')
  })

  it('is cut off when it takes nothing of its answer', async () => {
    await start({ limits: { stallMs: 300 } })
    const socket = connect(bench.port, '127.0.0.1')
    socket.on('error', () => {})
    socket.pause()
    socket.write(`GET /large HTTP/1.1\r\n${HEAD}\r\n`)
    await eventually(() => bench.lines.length === 1)
    expect(bench.lines[0]?.status).to.equal(499)
    await eventually(() => replica.counts.ongoing === 0)
    socket.destroy()
  })

  it('gets all of a large answer while it takes some of it now and then', async () => {
    await start({ limits: { stallMs: 1_000 } })
    const socket = connect(bench.port, '127.0.0.1')
    socket.write(`GET /large HTTP/1.1\r\n${HEAD}Connection: close\r\n\r\n`)
    const chunks: Buffer[] = []
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      if (chunks.length % 16 !== 0) return
      socket.pause()
      setTimeout(() => socket.resume(), 20)
    })
    await new Promise((resolve) => socket.once('close', resolve))
    const body = Buffer.concat(chunks)
    const digest = (data: Buffer) => createHash('sha1').update(data).digest('hex')
    expect(digest(body.subarray(body.indexOf('\r\n\r\n') + 4))).to.equal(digest(LARGE))
  })

  it('loses its idle connection after the keep-alive timeout', async () => {
    await start({ http: { keepAliveTimeoutS: 0.2 } })
    const client = rawClient(bench.port, `GET /-/healthz HTTP/1.1\r\n${HEAD}\r\n`)
    await eventually(() => client.isClosed)
    expect(client.text).to.match(/^HTTP\/1.1 200 OK[^]*success$/)
  })
})
