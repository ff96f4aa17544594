import type { Socket } from 'node:net'
import { expect } from 'chai'
import { ask } from '../helpers/ask.ts'
import { eventually } from '../helpers/eventually.ts'
import { type Bench, rawClient, rawStandIn, type StandIn, startBench } from '../helpers/proxy.ts'

const FAILED = '502 The replica that had the request gave no valid answer. It may have executed the request.'
const LENGTH = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello'
const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n'
const UNTIL_CLOSED = 'HTTP/1.0 200 OK\r\n\r\nhello'
const FORGED = 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged'
const head = (header: string): string => `HTTP/1.1 200 OK\r\n${header}\r\nContent-Length: 5\r\n\r\nhello`

interface Case {
  readonly answer: string
  /** What its client may get of it. */
  readonly gets: readonly string[]
  /** What the replica does next; by default it closes. */
  readonly next?: (socket: Socket) => void
}

const row = (answer: string, ...gets: readonly string[]): Case => ({ answer, gets })
const open = (answer: string, ...gets: readonly string[]): Case => ({ answer, gets, next: () => {} })
const reset = (answer: string, ...gets: readonly string[]): Case => ({ answer, gets, next: (it) => it.destroy() })

const heads: Record<string, Case> = {
  'nothing at all': row('', FAILED),
  'a value with a bare carriage return': open(head('X: a\rSet-Cookie: b'), FAILED),
  'a value with a bare line feed': open(head('X: a\nSet-Cookie: b'), FAILED),
  'a value with NUL': open(head('X: a\0b'), FAILED),
  'a name with a space': open(head('X Y: a'), FAILED),
  'a space before a colon': open(head('X : a'), FAILED),
  'a header without a colon': open(head('X'), FAILED),
  'a reason with a control character': open('HTTP/1.1 200 a\x01b\r\nContent-Length: 5\r\n\r\nhello', FAILED),
  'a status of two digits': open('HTTP/1.1 42 what\r\nContent-Length: 0\r\n\r\n', FAILED),
  'a status of four digits': open('HTTP/1.1 2000 what\r\nContent-Length: 0\r\n\r\n', FAILED),
  'an answer of HTTP/0.9': row('hello', FAILED),
  'an answer of HTTP/2': row('\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x64\0\x04\x40\0\0\0\0\x02\0\0\0\0', FAILED),
  'another protocol': row('220 mail.example.org ESMTP\r\n', FAILED),
  'a request': row('GET / HTTP/1.1\r\nHost: a\r\n\r\n', FAILED),
  zeros: row('\0'.repeat(100_000), FAILED),
  'another length on the next line': open(
    'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!',
    FAILED,
  ),
  'a negative length': open('HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello', FAILED),
  'a length that overflows': open('HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551621\r\n\r\nhello', FAILED),
  'a length and chunks': open(`HTTP/1.1 200 OK\r\nContent-Length: 5\r\n${CHUNKED.slice(17)}`, FAILED),
  'protocols that nobody asked to switch': open('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n', FAILED),
}

const bodies: Record<string, Case> = {
  'all that was announced': row(LENGTH, '200 hello'),
  'all that was announced, then a reset': reset(LENGTH, '200 hello'),
  'less than was announced': row(LENGTH.slice(0, -2), 'cut'),
  'more than was announced': open(`${LENGTH}, world`, '200 hello', 'cut'),
  'a body that ends with the connection': row(UNTIL_CLOSED, '200 hello'),
  'a body that ends with its connection, as it says': row(
    'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello',
    '200 hello',
  ),
  'a chunk of no size': open(`${CHUNKED.slice(0, -5)}zz\r\n`, 'cut'),
  'a chunk that is longer than it says': open(CHUNKED.replace('hello', 'hello, world'), 'cut'),
  'a chunk beyond 64 bits': open(CHUNKED.replace('5\r\n', '10000000000000005\r\n'), 'cut', FAILED),
  'chunks without the last one': row(CHUNKED.slice(0, -5), 'cut'),
  'trailers that set the framing': open(CHUNKED.replace(/\r\n$/, 'Content-Length: 50\r\n\r\n'), '200 hello', 'cut'),
  'trailers that are none': open(CHUNKED.replace(/\r\n$/, 'X : a\r\n\r\n'), 'cut', '200 hello'),
  'a body where there is none': open('HTTP/1.1 204 No Content\r\n\r\nhello', '204 ', 'cut', FAILED),
  'a body behind 304': open('HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nhello', '304 ', 'cut', FAILED),
}

const others: Record<string, Case> = {
  'a second answer behind the first': open(LENGTH + FORGED, '200 hello', 'cut'),
  'a hundred answers': open(LENGTH + FORGED.repeat(100), '200 hello', 'cut'),
  'a second answer behind one in chunks': open(CHUNKED + FORGED, '200 hello', 'cut'),
  'a second answer behind 204': open(`HTTP/1.1 204 No Content\r\n\r\n${FORGED}`, '204 ', 'cut', FAILED),
  'a hundred times 100 Continue': open('HTTP/1.1 100 Continue\r\n\r\n'.repeat(100) + LENGTH, '200 hello', FAILED),
  'a thousand times 102 Processing': open(
    'HTTP/1.1 102 Processing\r\n\r\n'.repeat(1_000) + LENGTH,
    '200 hello',
    FAILED,
  ),
  'a thousand times 103 Early Hints': open(
    'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n'.repeat(1_000) + LENGTH,
    '200 hello',
    FAILED,
  ),
}

describe('a replica that sends', () => {
  let bench: Bench
  let replica: StandIn
  let bad: Case
  let connections: Set<Socket>
  beforeEach(async () => {
    bench = await startBench()
    connections = new Set()
    replica = await rawStandIn(bench.socketPath('raw'), (socket) => {
      connections.add(socket)
      socket.on('close', () => connections.delete(socket))
      socket.setEncoding('latin1')
      let text = ''
      socket.on('data', (chunk: string) => {
        text += chunk
        const request = /^[A-Z]+ (\S+) [^]*?\r\n\r\n/.exec(text)
        if (request === null) return
        text = ''
        const name = request[1] ?? ''
        if (name !== '/bad') return socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${name.length}\r\n\r\n${name}`)
        socket.write(bad.answer, 'latin1', () => (bad.next ?? ((it: Socket) => it.end()))(socket))
        return undefined
      })
    })
    bench.serve(replica)
  })
  afterEach(async () => {
    await bench.stop()
    await replica.stop()
  })

  const bystander = (n: number): Promise<string> => ask(bench.port, { path: `/${n}` })

  /** The outcome of a bad answer, while others ask at the same time and afterwards, and always get their own answers. */
  async function outcome(of: Case): Promise<string> {
    bad = of
    await Promise.all([bystander(1), bystander(2)])
    // On a connection that was used before, and that a bystander may get next.
    const [got, ...during] = await Promise.all([
      ask(bench.port, { method: 'POST', path: '/bad' }),
      ...[3, 4].map(bystander),
    ])
    const after = await Promise.all([5, 6, 7, 8].map(bystander))
    expect([...during, ...after]).to.deep.equal([3, 4, 5, 6, 7, 8].map((n) => `200 /${n}`))
    await eventually(() => bench.proxy.gauges.ongoing === 0)
    expect(bench.proxy.gauges).to.deep.equal({ ongoing: 0, queued: 0, leased: 0 })
    return got
  }

  for (const [name, given] of Object.entries({ ...heads, ...bodies, ...others })) {
    it(`${name} harms nobody else, and its client is told as much as can be known`, async () => {
      expect(given.gets).to.include(await outcome(given))
    })
  }

  for (const [name, answer] of Object.entries({ 'of known length': LENGTH, 'in chunks': CHUNKED })) {
    it(`an answer ${name}, and closes after any byte of it, is shown as 502, then as cut, never as complete`, async () => {
      const headLength = answer.indexOf('\r\n\r\n') + 4
      for (let length = 0; length <= answer.length; length += 1) {
        const expected = length < headLength ? FAILED : length < answer.length ? 'cut' : '200 hello'
        expect(await outcome(row(answer.slice(0, length), expected)), `${length} bytes`).to.equal(expected)
      }
    })
  }

  it('a body where a client of HTTP/1.0 asked for none leaves nothing behind of what the client sent', async () => {
    for (const [name, given] of Object.entries(bodies)) {
      bad = given
      const client = rawClient(
        bench.port,
        'HEAD /bad HTTP/1.0\r\nConnection: keep-alive\r\n\r\nOPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n',
      )
      await eventually(() => client.isClosed)
      await eventually(() => bench.proxy.gauges.ongoing === 0).catch(() => expect.fail(name))
      expect(await bystander(1)).to.equal('200 /1')
    }
  })

  it('an answer byte by byte is understood', async () => {
    const drip = (socket: Socket, at: number): void => {
      if (at < CHUNKED.length) socket.write(CHUNKED.charAt(at), () => setImmediate(() => drip(socket, at + 1)))
    }
    expect(await outcome({ answer: '', gets: [], next: (socket) => drip(socket, 0) })).to.equal('200 hello')
  })

  it('headers without an end is cut off', async () => {
    let sent = 0
    const flood = (socket: Socket): void => {
      if (socket.destroyed || sent > 50_000_000) return
      sent += 6_000
      socket.write('X: a\r\n'.repeat(1_000), () => flood(socket))
    }
    expect(await outcome({ answer: 'HTTP/1.1 200 OK\r\n', gets: [], next: flood })).to.equal(FAILED)
    expect(sent).to.be.lessThan(1_000_000)
  })

  it('an answer before it is asked gives it to nobody', async () => {
    expect(await bystander(1)).to.equal('200 /1')
    for (const socket of connections) await new Promise((resolve) => socket.write(FORGED, resolve))
    // When this has been answered, the proxy has read what had been sent to it before.
    expect(await ask(bench.port, { path: '/-/healthz' })).to.equal('200 success')
    expect(await Promise.all([2, 3, 4].map(bystander))).to.deep.equal(['200 /2', '200 /3', '200 /4'])
  })

  it('nothing is left alone with its request when the client leaves', async () => {
    bad = open('', FAILED)
    const client = rawClient(bench.port, 'GET /bad HTTP/1.1\r\nHost: a\r\n\r\n')
    await eventually(() => bench.proxy.gauges.leased === 1 && connections.size === 1)
    client.socket.destroy()
    await eventually(() => connections.size === 0 && bench.proxy.gauges.ongoing === 0)
    expect(await bystander(1)).to.equal('200 /1')
  })
})
