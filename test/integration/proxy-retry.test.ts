import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { RequestListener, ServerResponse } from 'node:http'
import { setTimeout } from 'node:timers/promises'
import { expect } from 'chai'
import { type Clock, systemClock } from '../../shared/clock.ts'
import { newReplicaId } from '../../shared/ids.ts'
import { eventually } from '../helpers/eventually.ts'
import { type Bench, exchangeRaw, rawClient, rawStandIn, type StandIn, startBench } from '../helpers/proxy.ts'

/** Time passes ten times as fast. */
const hasty: Clock = {
  now: () => 10 * systemClock.now(),
  after: (delayMs, task) => systemClock.after(delayMs / 10, task),
}

/** Reads the whole request, answers nothing, and is gone. */
const dieAfterReading: RequestListener = (request) => {
  request.resume()
  request.on('end', () => request.socket.destroy())
}

const refuse: RequestListener = (_, response) => response.writeHead(503, { 'x-batoid-refused': 'busy' }).end('no')

const answerBody: RequestListener = (request, response) => request.pipe(response)

describe('an attempt that fails', () => {
  let bench: Bench
  beforeEach(async () => {
    bench = await startBench({ clock: hasty })
  })
  afterEach(() => bench.stop())

  /** A replica of the table that nobody listens for. */
  const dead = async (): Promise<StandIn> => {
    const standIn = await bench.standIn(() => {})
    await standIn.stop()
    return standIn
  }
  const post = (body: string, headers: Record<string, string> = {}): Promise<Response> =>
    bench.get('/', { method: 'POST', body, headers })

  describe('before anything was executed', () => {
    it('to connect is made up for by another replica, whatever the method and with the whole body', async () => {
      bench.serve(await dead(), await dead(), await bench.standIn(answerBody))
      for (let n = 0; n < 30; n += 1) expect(await (await post(`body ${n}`)).text()).to.equal(`body ${n}`)
      const big = 'x'.repeat(1_000_000)
      bench.serve(await dead(), await dead(), await bench.standIn(answerBody))
      expect((await (await post(big)).text()).length).to.equal(big.length)
    })

    it('because the replica did not admit it is made up for, and the refusal is not shown', async () => {
      const [full, free] = [await bench.standIn(refuse), await bench.standIn(answerBody)]
      bench.serve(full, free)
      const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => post(String(n))))
      expect(answers.every((answer) => answer.status === 200 && !answer.headers.has('x-batoid-refused'))).to.equal(true)
      expect(full.requests.length).to.be.greaterThan(0)
    })

    it('is repeated on a replica that takes requests again', async () => {
      let refusals = 4
      bench.serve(
        await bench.standIn((...exchange) => {
          refusals -= 1
          if (refusals >= 0) refuse(...exchange)
          else answerBody(...exchange)
        }),
      )
      expect(await (await post('in the end')).text()).to.equal('in the end')
    })

    it('keeps its turn: it is repeated before those that came later', async () => {
      const held: ServerResponse[] = []
      const replica = await bench.standIn((_, response) => held.push(response))
      bench.route({ maxOngoingRequests: 1, replicas: [replica.replica] })
      const first = bench.get('/1')
      await eventually(() => held.length === 1)
      const second = bench.get('/2')
      await eventually(() => bench.proxy.gauges.queued === 1)
      held.shift()?.writeHead(503, { 'x-batoid-refused': 'busy' }).end()
      for (let n = 0; n < 2; n += 1) {
        await eventually(() => held.length === 1)
        held.shift()?.end()
      }
      await Promise.all([first, second])
      expect(replica.requests).to.deep.equal(['GET /1', 'GET /1', 'GET /2'])
    })

    it('is not repeated for ever when no replica can be reached', async () => {
      bench.serve(await dead())
      const answer = await post('x')
      expect(answer.status).to.equal(503)
      expect(await answer.text()).to.contain('none of its replicas took the request')
      expect(bench.problems.join()).to.match(/^POST \/ failed: connect ENOENT \S+$/)
    })

    it('is repeated for as long as the replica is busy, on the same connection, and not too often', async () => {
      const startedAt = performance.now()
      const until = startedAt + 300
      const full = await bench.standIn((...exchange) => (performance.now() < until ? refuse : answerBody)(...exchange))
      bench.serve(full)
      expect(await (await post('in the end')).text()).to.equal('in the end')
      expect(full.counts.connections).to.equal(1)
      // Time passes ten times as fast for the proxy, which asks every 5 ms.
      expect(full.requests.length).to.be.within(11, (performance.now() - startedAt) / 0.5)
    })

    it('is not repeated for a client that has left', async () => {
      bench.serve(await dead())
      const client = rawClient(bench.port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n')
      await eventually(() => bench.proxy.gauges.queued === 1)
      client.socket.destroy()
      await eventually(() => bench.lines.length === 1)
      expect([bench.lines[0]?.status, bench.proxy.gauges.queued]).to.deep.equal([499, 0])
    })

    it('because the replica was killed before it read the request is made up for, even on a connection used before', async () => {
      const address = bench.socketPath('frozen')
      const code = `require('http').createServer((q, s) => q.pipe(s)).listen(${JSON.stringify(address)}, () => console.log())`
      const child = spawn(process.execPath, ['-e', code], { stdio: ['ignore', 'pipe', 'inherit'] })
      await once(child.stdout, 'data')
      const frozen = { id: newReplicaId(Math.random), address }
      bench.route({ replicas: [frozen] })
      expect(await (await post('1')).text()).to.equal('1')
      child.kill('SIGSTOP')
      const second = post('2')
      await eventually(() => bench.proxy.gauges.leased === 1)
      await setTimeout(50)
      bench.route({ replicas: [frozen, (await bench.standIn(answerBody)).replica] })
      child.kill('SIGKILL')
      expect(await (await second).text()).to.equal('2')
    })
  })

  describe('after the request may have been executed', () => {
    it('is shown as 502 with the request id, and never repeated, when the method is not idempotent', async () => {
      const [dying, other] = [await bench.standIn(dieAfterReading), await bench.standIn(answerBody)]
      bench.serve(dying)
      const answer = await post('x', { 'x-request-id': 'id-1' })
      expect([answer.status, answer.headers.get('x-request-id')]).to.deep.equal([502, 'id-1'])
      expect(await answer.text()).to.match(/gave no valid answer.*may have executed/)
      bench.serve(dying, other)
      const statuses = await Promise.all(Array.from({ length: 20 }, async () => (await post('x')).status))
      expect(statuses.filter((status) => status === 502)).to.have.length(dying.requests.length - 1)
      expect(statuses.filter((status) => status === 200)).to.have.length(other.requests.length)
    })

    it('is repeated once with the whole body when repeating does no harm', async () => {
      const other = await bench.standIn(answerBody)
      const dying = await bench.standIn((...exchange) => {
        bench.serve(other)
        dieAfterReading(...exchange)
      })
      bench.serve(dying)
      expect(await (await bench.get('/', { method: 'PUT', body: 'x' })).text()).to.equal('x')
      bench.serve(dying)
      expect(await (await post('y', { 'idempotency-key': '1' })).text()).to.equal('y')
      bench.serve(dying)
      expect((await bench.get('/')).status).to.equal(200)
      expect([dying.requests.length, other.requests.length]).to.deep.equal([3, 3])
    })

    it('is repeated only once', async () => {
      const dying = await bench.standIn(dieAfterReading)
      bench.serve(dying)
      expect((await bench.get('/')).status).to.equal(502)
      expect(dying.requests).to.have.length(2)
    })

    it('is not repeated when the body is too large to be kept', async () => {
      const dying = await bench.standIn(dieAfterReading)
      bench.serve(dying)
      expect((await bench.get('/', { method: 'PUT', body: 'x'.repeat(1_100_000) })).status).to.equal(502)
      expect(dying.requests).to.have.length(1)
    })
  })

  describe('in the middle of the answer', () => {
    for (const [kind, head, last] of [
      ['of known length', 'Content-Length: 100\r\n\r\npart', ''],
      ['in chunks', 'Transfer-Encoding: chunked\r\n\r\n4\r\npart\r\n', ''],
      ['in broken chunks', 'Transfer-Encoding: chunked\r\n\r\n4\r\npart\r\n', 'zz\r\n'],
    ] as const) {
      it(`breaks the client's connection (an answer ${kind})`, async () => {
        const replica = await rawStandIn(bench.socketPath('cut'), (socket) => {
          socket.once('data', () => {
            socket.write(`HTTP/1.1 200 OK\r\n${head}`)
            void setTimeout(30).then(() => (last === '' ? socket.destroy() : socket.write(last)))
          })
        })
        bench.serve(replica)
        const text = await exchangeRaw(bench.port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n')
        expect(text).to.match(/^HTTP\/1.1 200 OK[^]*part(\r\n)?$/)
        const old = rawClient(bench.port, 'GET / HTTP/1.0\r\nHost: a\r\n\r\n')
        await eventually(() => old.error === 'ECONNRESET')
        await eventually(() => bench.lines.length === 2)
        expect(bench.lines.map(({ status }) => status)).to.deep.equal([200, 200])
        expect(bench.problems).to.have.length(2)
        await replica.stop()
      })
    }
  })

  it('because of an answer that makes no sense is shown as 502', async () => {
    const answers = [
      'garbage\r\n\r\n',
      'HTTP/1.1 42 what\r\nContent-Length: 0\r\n\r\n',
      'HTTP/1.1 999999 what\r\n\r\n',
      'HTTP/1.1 200 a\x01b\r\nContent-Length: 0\r\n\r\n',
      'HTTP/1.1 200 OK\r\nX: a\x01b\r\nContent-Length: 0\r\n\r\n',
      'HTTP/1.1 200 OK\r\nX: a\rSet-Cookie: b\r\nContent-Length: 0\r\n\r\n',
      'HTTP/1.1 200 OK\r\nX\x00: a\r\nContent-Length: 0\r\n\r\n',
      'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      'HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n',
      `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(100_000)}\r\n\r\n`,
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n',
      '\x00'.repeat(1000),
      '',
    ]
    for (const [n, answer] of answers.entries()) {
      const replica = await rawStandIn(bench.socketPath(`garbage-${n}`), (socket) => {
        socket.once('data', () => socket.end(answer, 'latin1'))
      })
      bench.serve(replica)
      const got = await post('x')
      expect([got.status, got.headers.has('x-request-id')], JSON.stringify(answer)).to.deep.equal([502, true])
      await replica.stop()
    }
    bench.serve(await bench.standIn(answerBody))
    expect(await (await post('still here')).text()).to.equal('still here')
    expect(bench.proxy.gauges.leased).to.equal(0)
  })
})
