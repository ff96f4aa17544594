import { createHash } from 'node:crypto'
import type { Socket } from 'node:net'
import { expect } from 'chai'
import { type RawData, type WebSocket, WebSocketServer } from 'ws'
import { REFUSED_HEADER } from '../../shared/headers.ts'
import { eventually } from '../helpers/eventually.ts'
import { type Bench, connectionsOf, rawClient, rawStandIn, type StandIn, startBench } from '../helpers/proxy.ts'
import { dial, frame, handshake, open, refused } from '../helpers/websocket.ts'

const IDLE = { ongoing: 0, queued: 0, leased: 0 }
const MIB = 1024 * 1024
const KEY = 'dGhlIHNhbXBsZSBub25jZQ=='
const ACCEPT = createHash('sha1').update(`${KEY}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
const SWITCH = `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${ACCEPT}\r\n\r\n`

/** Until a number has been the same ten times in a row. */
async function standsStill(read: () => number): Promise<void> {
  let [last, times] = [-1, 0]
  await eventually(() => {
    const now = read()
    times = now === last ? times + 1 : 0
    last = now
    return times === 10
  })
}

describe('a WebSocket through the proxy', () => {
  let bench: Bench
  let url: string
  /** What was written by hand, which the bench does not know. */
  let raw: StandIn[]
  /** The replica's ends of the sockets that the echo has accepted. */
  let accepted: WebSocket[]

  beforeEach(async () => {
    bench = await startBench()
    url = `http://127.0.0.1:${bench.port}`
    raw = []
    accepted = []
  })
  afterEach(async () => {
    await bench.stop()
    await Promise.all(raw.map((standIn) => standIn.stop()))
  })

  /** A replica that sends back what it gets, by WebSocket or otherwise. */
  async function echo(): Promise<StandIn> {
    const standIn = await bench.standIn((request, response) => request.pipe(response))
    const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: true, maxPayload: 16 * MIB })
    standIn.server.on('upgrade', (request, socket, head) => {
      standIn.requests.push(`${request.method} ${request.url}`)
      sockets.handleUpgrade(request, socket, head, (webSocket) => {
        accepted.push(webSocket)
        webSocket.on('message', (data: RawData, binary) => webSocket.send(data, { binary }))
      })
    })
    return standIn
  }

  /** A replica that does as it is told when a handshake has arrived. */
  async function byHand(onHandshake: (socket: Socket) => void): Promise<StandIn> {
    const standIn = await rawStandIn(bench.socketPath(`raw${raw.length}.sock`), (socket) => {
      let text = ''
      const wait = (chunk: Buffer): void => {
        text += chunk.toString('latin1')
        if (!text.includes('\r\n\r\n')) return
        socket.off('data', wait)
        standIn.requests.push(text)
        onHandshake(socket)
      }
      socket.on('data', wait)
    })
    raw.push(standIn)
    return standIn
  }

  const refusing = (): Promise<StandIn> =>
    byHand((socket) => socket.end(`HTTP/1.1 503 Busy\r\n${REFUSED_HEADER}: busy\r\nContent-Length: 0\r\n\r\n`))

  /** Nothing is left of what the test did, and the proxy goes on. */
  async function expectIdle(): Promise<void> {
    await eventually(() => bench.proxy.gauges.ongoing === 0 && bench.proxy.gauges.leased === 0)
    expect(bench.proxy.gauges).to.deep.equal(IDLE)
    for (const standIn of raw) await eventually(async () => (await connectionsOf(standIn)) === 0)
    const replica = await echo()
    bench.serve(replica)
    expect(await (await bench.get('/', { method: 'POST', body: 'fine' })).text()).to.equal('fine')
    const client = await open(url)
    client.socket.close()
    await eventually(() => client.isDone)
    await eventually(() => bench.proxy.gauges.ongoing === 0)
  }

  const lines = () => bench.lines.map(({ method, status }) => `${method} ${status}`)

  describe('that is open', () => {
    it('carries text, binary, empty and large messages, fragments, pings and pongs both ways', async () => {
      bench.serve(await echo())
      const client = await open(url)
      const large = Buffer.alloc(MIB, 'abc')
      client.socket.send('text')
      client.socket.send(Buffer.from([0, 255, 1]))
      client.socket.send('')
      client.socket.send(large)
      client.socket.send('frag', { fin: false })
      client.socket.ping('still there?')
      client.socket.send('ments')
      await eventually(() => client.messages.length === 5 && client.pongs.length === 1)
      expect(client.messages).to.deep.equal(['text', Buffer.from([0, 255, 1]), '', large, 'fragments'])
      expect(client.pongs).to.deep.equal(['still there?'])
      let ponged = ''
      accepted[0]?.on('pong', (data) => (ponged = String(data)))
      accepted[0]?.ping('and you?')
      await eventually(() => ponged === 'and you?')
      client.socket.close(1000)
      await eventually(() => client.isDone)
      await expectIdle()
    })

    it('has the request id on its 101, the client’s own or a new one', async () => {
      bench.serve(await echo())
      const own = await open(url, { headers: { 'x-request-id': 'mine' } })
      const other = await open(url, { headers: { 'x-request-id': 'not safe' } })
      expect(own.answer.headers['x-request-id']).to.equal('mine')
      expect(other.answer.headers['x-request-id']).to.match(/^[\da-f-]{36}$/)
      for (const { socket } of [own, other]) socket.close()
      await eventually(() => bench.lines.length === 2)
      expect(bench.lines.map(({ requestId }) => requestId)).to.have.members([
        'mine',
        other.answer.headers['x-request-id'],
      ])
    })

    it('has the subprotocol and the extensions that client and replica agreed on', async () => {
      bench.serve(await echo())
      const client = await open(url, { perMessageDeflate: { threshold: 0 } }, ['chat', 'other'])
      expect(client.socket.protocol).to.equal('chat')
      expect(client.socket.extensions).to.include('permessage-deflate')
      client.socket.send('x'.repeat(MIB))
      await eventually(() => client.messages[0]?.length === MIB)
      client.socket.close(4000)
      await eventually(() => lines().includes('WS 4000'))
    })

    it('is told to the replica with what the proxy knows, and without hop-by-hop headers', async () => {
      const replica = await byHand((socket) => socket.end(SWITCH))
      bench.route({ prefix: '/app', replicas: [replica.replica] })
      const client = rawClient(bench.port, handshake('/app//a?b=%20', 'Keep-Alive: 5\r\nX-Forwarded-For: evil\r\n'))
      await eventually(() => client.isClosed)
      const [head = ''] = replica.requests
      expect(head).to.match(/^GET \/app\/\/a\?b=%20 HTTP\/1.1\r\n/)
      for (const header of ['upgrade: websocket', 'x-forwarded-for: 127.0.0.1', 'x-batoid-prefix: /app 4', 'host: a']) {
        expect(head.toLowerCase()).to.include(`${header}\r\n`)
      }
      expect(head.toLowerCase())
        .to.match(/connection: upgrade\r\n/)
        .and.not.match(/keep-alive|evil/)
    })

    it('loses nothing that comes right behind the handshake, nor behind the 101', async () => {
      let heard = Buffer.alloc(0)
      bench.serve(
        await byHand((socket) => {
          socket.on('data', (chunk: Buffer) => (heard = Buffer.concat([heard, chunk])))
          socket.write(Buffer.concat([Buffer.from(SWITCH), frame(1, 'welcome', 'server')]))
        }),
      )
      const early = Buffer.concat([frame(1, 'early'), frame(2, Buffer.alloc(200_000, 'e'))])
      const client = rawClient(bench.port)
      client.socket.write(Buffer.concat([Buffer.from(handshake()), early]))
      await eventually(() => client.text.endsWith('\x81\x07welcome') && heard.length === early.length)
      expect(heard.equals(early)).to.equal(true)
      client.socket.destroy()
      await expectIdle()
    })

    it('counts as an ongoing request of its replica until it has ended', async () => {
      bench.route({ maxOngoingRequests: 1, replicas: [(await echo()).replica] })
      const client = await open(url)
      expect(bench.proxy.gauges).to.deep.equal({ ongoing: 1, queued: 0, leased: 1 })
      const waiting = dial(url)
      await eventually(() => bench.proxy.gauges.queued === 1)
      client.socket.close()
      await eventually(() => waiting.socket.readyState === 1)
      expect(bench.proxy.gauges).to.deep.equal({ ongoing: 1, queued: 0, leased: 1 })
      waiting.socket.close()
      await expectIdle()
    })

    it('is held up, not kept in memory, when either side does not read', async () => {
      const chunk = frame(2, Buffer.alloc(64 * 1024), 'server')
      const total = 1000
      let replicaEnd: Socket | undefined
      bench.serve(
        await byHand((socket) => {
          replicaEnd = socket
          socket.write(SWITCH)
        }),
      )
      const client = rawClient(bench.port, handshake())
      await eventually(() => client.text.includes('\r\n\r\n'))
      const [one, other] = [client.socket, await eventually(() => replicaEnd)]
      for (const [from, to] of [
        [one, other],
        [other, one],
      ] as const) {
        const before = from.bytesWritten - from.writableLength
        let bytes = 0
        to.removeAllListeners('data')
        to.pause()
        for (let n = 0; n < total; n += 1) from.write(chunk)
        const sent = () => from.bytesWritten - from.writableLength - before
        await standsStill(sent)
        expect(sent()).to.be.lessThan(20 * MIB)
        to.on('data', (data: Buffer | string) => (bytes += data.length))
        to.resume()
        await eventually(() => bytes === total * chunk.length, { withinMs: 20_000 })
      }
      one.destroy()
      await expectIdle()
    }).timeout(60_000)
  })

  describe('that ends', () => {
    it('hands codes and reasons both ways and logs the first', async () => {
      bench.serve(await echo())
      for (const [code, reason] of [
        [1000, ''],
        [1001, 'going away'],
        [4999, 'own'],
      ] as const) {
        const [fromClient, fromReplica] = [await open(url), await open(url)]
        const [one, other] = accepted.slice(-2)
        let heard: unknown
        one?.on('close', (got, why) => (heard = [got, String(why)]))
        fromClient.socket.close(code, reason)
        other?.close(code, reason)
        await eventually(() => heard !== undefined && fromReplica.isDone)
        expect(heard).to.deep.equal([code, reason])
        expect(fromReplica.closed).to.deep.equal({ code, reason })
      }
      await eventually(() => bench.lines.length === 6)
      expect(lines()).to.deep.equal(['WS 1000', 'WS 1000', 'WS 1001', 'WS 1001', 'WS 4999', 'WS 4999'])
      await expectIdle()
    })

    it('without a code is 1005 in the log, without a Close frame 1006', async () => {
      bench.serve(await echo())
      const [polite, rude] = [await open(url), await open(url)]
      polite.socket.close()
      await eventually(() => lines().length === 1)
      rude.socket.terminate()
      await eventually(() => lines().length === 2)
      expect(lines()).to.deep.equal(['WS 1005', 'WS 1006'])
      await expectIdle()
    })

    it('because its replica is gone, is 1006, however it went, and in a frame or between two', async () => {
      const half = frame(1, 'never complete', 'server').subarray(0, 5)
      for (const part of [Buffer.alloc(0), half]) {
        // What closes a Unix socket with something unread resets it.
        for (const leave of ['destroy', 'reset', 'end'] as const) {
          let end: Socket | undefined
          bench.serve(
            await byHand((socket) => {
              end = socket.pause()
              socket.write(Buffer.concat([Buffer.from(SWITCH), part]))
            }),
          )
          const client = rawClient(bench.port, handshake())
          await eventually(() => client.text.endsWith(`\r\n\r\n${part.toString('latin1')}`))
          if (leave === 'reset') client.socket.write(frame(1, 'unread'))
          await eventually(() => client.socket.writableLength === 0)
          end?.[leave === 'end' ? 'end' : 'destroy']()
          await eventually(() => client.isClosed)
          expect(client.text).to.match(part.length === 0 ? /\r\n\r\n$/ : /nev$/)
        }
      }
      await eventually(() => bench.lines.length === 6)
      expect(lines()).to.deep.equal(Array.from({ length: 6 }, () => 'WS 1006'))
      await expectIdle()
    })

    it('because the client is reset in the middle of a message, is forgotten on both sides', async () => {
      const replica = await byHand((socket) => socket.resume().write(SWITCH))
      bench.serve(replica)
      const clients = Array.from({ length: 50 }, () => rawClient(bench.port, handshake()))
      await eventually(() => clients.every(({ text }) => text.includes('\r\n\r\n')))
      for (const [n, { socket }] of clients.entries()) {
        socket.write(frame(2, Buffer.alloc(1000)).subarray(0, 100))
        if (n % 2 === 0) socket.resetAndDestroy()
        else socket.destroy()
      }
      await expectIdle()
      expect(lines().slice(0, 50)).to.deep.equal(Array.from({ length: 50 }, () => 'WS 1006'))
    })

    it('with the proxy is closed with 1012 at the end of its grace, to client and replica', async () => {
      bench.serve(await echo())
      const client = await open(url)
      let heard = 0
      accepted[0]?.on('close', (code) => (heard = code))
      const closing = bench.proxy.close(700)
      client.socket.send('still served')
      await eventually(() => client.messages.length === 1)
      await eventually(() => client.isDone && heard > 0)
      expect(client.closed?.code).to.equal(1012)
      expect(heard).to.equal(1012)
      await closing
      expect(lines()).to.deep.equal(['WS 1012'])
    })

    it('with the proxy has its line in the log before the proxy has closed', async () => {
      bench.serve(await echo())
      await open(url)
      await bench.proxy.close(0)
      expect(lines()).to.deep.equal(['WS 1012'])
    })

    it('with the proxy while a frame is on its way, just breaks', async () => {
      bench.serve(
        await byHand((socket) =>
          socket.write(Buffer.concat([Buffer.from(SWITCH), frame(1, 'part', 'server').subarray(0, 4)])),
        ),
      )
      const client = rawClient(bench.port, handshake())
      await eventually(() => client.text.includes('\x81\x04pa'))
      await bench.proxy.close(0)
      await eventually(() => client.isClosed)
      expect(client.text).to.match(/\x81\x04pa$/)
    })

    it('leaves nothing behind: 1,000 of them', async () => {
      const replica = await echo()
      bench.route({ maxOngoingRequests: 1000, replicas: [replica.replica] })
      for (let round = 0; round < 10; round += 1) {
        const clients = await Promise.all(Array.from({ length: 100 }, () => open(url)))
        expect(bench.proxy.gauges.leased).to.equal(100)
        for (const [n, { socket }] of clients.entries()) n % 4 === 0 ? socket.terminate() : socket.close(1000)
        await eventually(() => bench.proxy.gauges.ongoing === 0)
      }
      expect(bench.lines).to.have.length(1000)
      expect(bench.lines.filter(({ status }) => status === 1006)).to.have.length(250)
      await eventually(async () => (await connectionsOf(replica)) === 0)
      await expectIdle()
    }).timeout(60_000)
  })

  describe('that is refused', () => {
    it('by one replica goes to another', async () => {
      const [full, free] = [await refusing(), await echo()]
      bench.serve(full, free)
      for (let n = 0; n < 5; n += 1) (await open(url)).socket.close()
      await expectIdle()
    }).timeout(20_000)

    it('because a replica is gone before it answers, goes to another', async () => {
      const [dead, alive] = [await byHand((socket) => socket.destroy()), await echo()]
      bench.serve(dead)
      const client = dial(url)
      await eventually(() => dead.requests.length === 1)
      bench.serve(dead, alive)
      await eventually(() => client.isDone || client.socket.readyState === 1)
      client.socket.close()
      await expectIdle()
    })

    it('by no route is 404 with the usual body: the reference says 500', async () => {
      bench.route({ prefix: '/app' })
      const { status, body, headers } = await refused(`${url}/other`)
      expect([status, body]).to.deep.equal([
        404,
        "Path '/other' not found. Ping http://.../-/routes for available routes.",
      ])
      expect(headers).to.include({ connection: 'close', 'content-length': String(body.length) })
      expect(headers['x-request-id']).to.match(/^[\da-f-]{36}$/)
      await eventually(() => bench.lines.length === 1)
      expect(bench.lines[0]).to.include({ method: 'WS', route: '', status: 404 })
    })

    it('by a failed deployment, a full queue, and a proxy without a table is 503 or 429', async () => {
      expect((await refused(url)).status).to.equal(503)
      bench.route({ failed: true })
      expect((await refused(url)).body).to.match(/is unavailable because it failed to deploy/)
      bench.route({ maxQueuedRequests: 0, backpressure: { statusCode: 429, retryAfterS: 3 } })
      const { status, body, headers } = await refused(url)
      expect([status, headers['retry-after']]).to.deep.equal([429, '3'])
      expect(body).to.match(/^Request dropped due to backpressure/)
      expect(bench.proxy.gauges).to.deep.equal(IDLE)
    })

    it('by the application is an ordinary answer with the right framing', async () => {
      const big = 'x'.repeat(300_000)
      const answers: [string, number, string][] = [
        ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n', 200, 'abcde'],
        ['HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnope', 404, 'nope'],
        [
          'HTTP/1.1 426 Upgrade Required\r\nUpgrade: other\r\nConnection: Upgrade\r\nContent-Length: 2\r\n\r\nno',
          426,
          'no',
        ],
        ['HTTP/1.1 204 No Content\r\n\r\n', 204, ''],
        ['HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end', 200, 'until the end'],
        [`HTTP/1.1 200 OK\r\nContent-Length: ${big.length}\r\n\r\n${big}`, 200, big],
      ]
      for (const [text, status, body] of answers) {
        bench.serve(await byHand((socket) => socket.end(text)))
        const answer = await refused(url)
        expect([answer.status, answer.body]).to.deep.equal([status, body])
        expect(answer.headers['connection']).to.equal('close')
        expect(answer.headers['x-request-id']).to.be.a('string')
      }
      await eventually(() => bench.lines.length === answers.length)
      expect(lines()).to.deep.equal(answers.map(([, status]) => `WS ${status}`))
      await expectIdle()
    })

    it('with an answer that breaks off, or makes no sense, shows the client no whole one', async () => {
      const cases: [string, RegExp][] = [
        ['HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc', /Content-Length: 9[^]*abc$/i],
        ['garbage\r\n\r\n', /^HTTP\/1.1 502 /],
        ['HTTP/1.1 101 Switching Protocols\r\n\r\n', /^HTTP\/1.1 502 /],
        ['HTTP/1.1 200 OK\r\nX: \x01\r\nContent-Length: 0\r\n\r\n', /^HTTP\/1.1 502 /],
      ]
      for (const [text, expected] of cases) {
        bench.serve(await byHand((socket) => socket.end(text, 'latin1')))
        const client = rawClient(bench.port, handshake())
        await eventually(() => client.isClosed)
        expect(client.text, text).to.match(expected)
      }
      await expectIdle()
    })

    it('for what is wrong with it, is 400 or 426 and never reaches a replica', async () => {
      const replica = await echo()
      bench.serve(replica)
      const good = handshake()
      const cases: [string, number, string][] = [
        ['version', 426, good.replace('Version: 13', 'Version: 8')],
        ['no version', 426, good.replace('Sec-WebSocket-Version: 13\r\n', '')],
        ['key', 400, good.replace(KEY, 'short')],
        ['no key', 400, good.replace(`Sec-WebSocket-Key: ${KEY}\r\n`, '')],
        ['method', 400, good.replace('GET', 'POST')],
        ['HTTP/1.0', 400, good.replace('HTTP/1.1', 'HTTP/1.0')],
        ['no Connection', 400, good.replace('Connection: Upgrade\r\n', '')],
        ['a body', 400, `${good.replace('\r\n\r\n', '\r\nContent-Length: 3\r\n\r\n')}abc`],
      ]
      for (const [name, status, text] of cases) {
        const client = rawClient(bench.port, text)
        await eventually(() => client.isClosed)
        expect(client.text, name).to.match(new RegExp(`^HTTP/1.1 ${status} [^]*connection: (Upgrade, )?close`, 'i'))
        if (status === 426) expect(client.text).to.match(/sec-websocket-version: 13\r\n/i)
      }
      expect(replica.requests).to.deep.equal([])
    })

    it('behind a request that is not answered yet is 400, in its turn', async () => {
      const replica = await bench.standIn((_, response) => setTimeout(() => response.end('slow'), 50))
      bench.serve(replica)
      const client = rawClient(bench.port, `GET / HTTP/1.1\r\nHost: a\r\n\r\n${handshake()}`)
      await eventually(() => client.isClosed)
      expect(client.text).to.match(/^HTTP\/1.1 200 [^]*slow[^]*HTTP\/1.1 400 /)
    })

    it('but one behind a request that has been answered is none of these', async () => {
      bench.serve(await echo())
      const client = rawClient(bench.port, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody')
      await eventually(() => client.text.endsWith('body\r\n0\r\n\r\n') || client.text.endsWith('body'))
      client.socket.write(handshake())
      await eventually(() => client.text.includes('HTTP/1.1 101 '))
      client.socket.destroy()
      await expectIdle()
    })
  })

  describe('whose client leaves before it is open', () => {
    const leavings = ['destroy', 'resetAndDestroy', 'end'] as const

    it('while it waits for a replica, is forgotten', async () => {
      bench.route({ maxOngoingRequests: 0 })
      for (const leave of leavings) {
        const client = rawClient(bench.port, handshake())
        await eventually(() => bench.proxy.gauges.queued === 1)
        client.socket[leave]()
        await eventually(() => bench.proxy.gauges.ongoing === 0)
      }
      expect(lines()).to.deep.equal(['WS 499', 'WS 499', 'WS 499'])
      await expectIdle()
    })

    it('while the replica makes up its mind, takes its connection along: http-proxy dies of it, or leaks', async () => {
      const replica = await byHand((socket) => socket.resume())
      bench.serve(replica)
      for (const leave of leavings) {
        const client = rawClient(bench.port, handshake())
        await eventually(async () => (await connectionsOf(replica)) === 1 && bench.proxy.gauges.leased === 1)
        client.socket[leave]()
        await eventually(async () => (await connectionsOf(replica)) === 0)
      }
      expect(lines()).to.deep.equal(['WS 499', 'WS 499', 'WS 499'])
      await expectIdle()
    })

    it('just when it opens, 200 times, harms nothing', async () => {
      bench.route({ maxOngoingRequests: 1000, replicas: [(await echo()).replica] })
      for (let n = 0; n < 200; n += 1) {
        const { socket } = rawClient(bench.port, handshake())
        await new Promise((resolve) => (n % 2 === 0 ? socket.once('connect', resolve) : setTimeout(resolve, n % 7)))
        if (n % 3 === 0) socket.resetAndDestroy()
        else socket.destroy()
      }
      await expectIdle()
    })

    it('or floods what nobody has asked for, is held up', async () => {
      bench.route({ maxOngoingRequests: 0 })
      const client = rawClient(bench.port, handshake())
      for (let n = 0; n < 1000; n += 1) client.socket.write(Buffer.alloc(64 * 1024))
      await eventually(() => bench.proxy.gauges.queued === 1)
      const sent = () => client.socket.bytesWritten - client.socket.writableLength
      await standsStill(sent)
      expect(sent()).to.be.lessThan(20 * MIB)
      client.socket.resetAndDestroy()
      bench.serve(await byHand((socket) => socket.write(SWITCH)))
      await expectIdle()
    })
  })
})

describe('a request for another protocol', () => {
  let bench: Bench
  beforeEach(async () => {
    bench = await startBench()
    bench.serve(await bench.standIn((request, response) => request.pipe(response)))
  })
  afterEach(() => bench.stop())

  it('is an ordinary one, with its body, and its connection is kept', async () => {
    const upgrade = 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n'
    const client = rawClient(bench.port, `GET / HTTP/1.1\r\nHost: a\r\n${upgrade}\r\n`)
    await eventually(() => client.text.endsWith('\r\n\r\n'))
    client.socket.write(`POST / HTTP/1.1\r\nHost: a\r\n${upgrade}Content-Length: 5\r\n\r\nfirst`)
    await eventually(() => /first(\r\n0\r\n\r\n)?$/.test(client.text))
    client.socket.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nsecond')
    await eventually(() => /second(\r\n0\r\n\r\n)?$/.test(client.text))
    expect(client.text.match(/HTTP\/1.1 200 /g)).to.have.length(3)
    expect(bench.lines.map(({ method }) => method)).to.deep.equal(['GET', 'POST', 'POST'])
    client.socket.destroy()
  })

  it('by CONNECT is refused', async () => {
    const client = rawClient(bench.port, 'CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n')
    await eventually(() => client.isClosed)
    expect(client.text).to.match(/^HTTP\/1.1 400 /)
  })
})
