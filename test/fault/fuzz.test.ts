import { expect } from 'chai'
import fc from 'fast-check'
import { ask } from '../helpers/ask.ts'
import { eventually } from '../helpers/eventually.ts'
import { rawClient, rawStandIn, type StandIn } from '../helpers/proxy.ts'
import { type ProxyProcess, startProxyProcess } from '../helpers/proxy-process.ts'

const RUNS = 3_000
/** BATOID_FUZZ_SEED repeats a run that failed. */
const SEED = Number(process.env['BATOID_FUZZ_SEED'] ?? Math.floor(Math.random() * 2 ** 31))

const REQUESTS = [
  'GET /a?b=c HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n\r\n',
  'POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello',
  'POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: x\r\n\r\n5\r\nhello\r\n0\r\nx: y\r\n\r\n',
  'PUT http://b:1/a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello',
  'GET /a HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\n\r\n',
  'HEAD /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\nOPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n',
  'CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n',
]

const ANSWERS = [
  'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x\r\n\r\n5\r\nhello\r\n0\r\nx: y\r\n\r\n',
  'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello',
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: HSmrc0sMlYUkAGmm5OPpG2HaGWk=\r\n\r\n\x81\x02hi',
  'HTTP/1.1 503 Service Unavailable\r\nx-batoid-refused: busy\r\nContent-Length: 0\r\n\r\n',
  'HTTP/1.0 304 Not Modified\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\n',
]

const PIECES = [
  '\r\n',
  '\r\n\r\n',
  '\n',
  '\r',
  '\0',
  ' ',
  ':',
  ',',
  '\xff',
  '-1',
  '0x',
  '99999999999999999999',
  '0\r\n\r\n',
  'HTTP/1.1',
]

/** What may be done to a text: cut it, repeat, remove or replace a part, put in something that parsers dislike. */
const edit = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  length: fc.integer({ min: 0, max: 12 }),
  times: fc.integer({ min: 0, max: 3 }),
  piece: fc.oneof(
    fc.constantFrom(...PIECES, ...REQUESTS, ...ANSWERS),
    fc.string({ unit: 'binary-ascii', maxLength: 8 }),
  ),
})

function mutated(texts: readonly string[]): fc.Arbitrary<string> {
  return fc.tuple(fc.constantFrom(...texts), fc.array(edit, { maxLength: 4 })).map(([text, edits]) =>
    edits.reduce((before, { at, length, times, piece }) => {
      const from = Math.floor(at * before.length)
      return before.slice(0, from) + piece.repeat(times) + before.slice(from + length)
    }, text),
  )
}

const ending = fc.constantFrom('end', 'destroy', 'reset', 'wait')
const message = (texts: readonly string[]) =>
  fc.record({ text: mutated(texts), split: fc.double({ min: 0, max: 1, noNaN: true }), ending })

describe(`the proxy process, in ${RUNS} mutated exchanges (seed ${SEED}),`, () => {
  let proxy: ProxyProcess
  let replica: StandIn
  /** What the replica answers next: byte strings that may be no answers. */
  let answers: { text: string; ending: string }[]
  before(async () => {
    proxy = await startProxyProcess()
    answers = []
    replica = await rawStandIn(proxy.socketPath('replica'), (socket) => {
      socket.on('data', (data) => {
        const said = data.toString('latin1')
        // The rest of a request has no answer of its own: it might come when the connection has been given to another.
        if (!/^\S+ \S+ HTTP\/1\.1\r\n/.test(said)) return
        const good = /^GET \/good-(\d+) /.exec(said)
        const { text, ending: how } = good
          ? { text: `HTTP/1.1 200 OK\r\nContent-Length: ${good[1]?.length}\r\n\r\n${good[1]}`, ending: 'wait' }
          : (answers.shift() ?? { text: '', ending: 'destroy' })
        socket.write(text, 'latin1', () => {
          if (how === 'end') socket.end()
          else if (how !== 'wait') socket.destroy()
        })
      })
    })
    await proxy.route({ maxOngoingRequests: 1_000, replicas: [replica.replica] })
  })
  after(async () => {
    await proxy.stop()
    await replica.stop()
  })

  let asked = 0
  async function expectAlive(): Promise<void> {
    asked += 1
    const answer = await ask(proxy.port, { path: `/good-${asked}` })
    expect(proxy.death()).to.equal(undefined)
    expect(answer).to.equal(`200 ${asked}`)
  }

  it('lives, answers a good request after every twenty, and has nothing left of them in the end', async () => {
    const samples = fc.sample(fc.tuple(message(REQUESTS), fc.array(message(ANSWERS), { minLength: 1, maxLength: 3 })), {
      numRuns: RUNS,
      seed: SEED,
    })
    for (let from = 0; from < samples.length; from += 20) {
      const batch = samples.slice(from, from + 20)
      answers = batch.flatMap(([, replies]) => replies)
      const clients = batch.map(([{ text, split }]) => {
        const at = Math.floor(split * text.length)
        const client = rawClient(proxy.port, text.slice(0, at))
        client.socket.write(text.slice(at), 'latin1')
        return client
      })
      await expectAlive()
      for (const [n, { socket }] of clients.entries()) {
        const how = batch[n]?.[0].ending
        if (how === 'end') socket.end()
        else if (how === 'reset') socket.resetAndDestroy()
        else if (how === 'destroy') socket.destroy()
      }
      await expectAlive()
      for (const { socket } of clients) socket.destroy()
    }
    answers = []
    // With one place and no queue, this is answered only when no lease and no waiting request is left.
    await proxy.route({ maxOngoingRequests: 1, maxQueuedRequests: 0, replicas: [replica.replica] })
    await eventually(() => expectAlive().then(() => true))
  })
})
