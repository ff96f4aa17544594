import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { expect } from 'chai'
import { ask } from '../helpers/ask.ts'
import { eventually } from '../helpers/eventually.ts'
import { type RawClient, rawClient, type StandIn, startStandIn } from '../helpers/proxy.ts'
import { type ProxyProcess, residentMib, socketsOf, startProxyProcess } from '../helpers/proxy-process.ts'

/** More than the kernel keeps of what a connection's reader leaves lying. */
const BIG = Buffer.alloc(32 * 1024 * 1024)
const HOST = 'Host: a\r\n'
const PATIENTLY = { withinMs: 60_000 }

/** As many as asked for, or as this process and the proxy may have open. */
function connectionsWithin(wanted: number): number {
  const most = Number(/^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1])
  return Math.min(wanted, most - 1_000)
}

describe('while clients are slow, the proxy serves others', () => {
  let proxy: ProxyProcess
  let replica: StandIn
  let clients: RawClient[]
  beforeEach(async () => {
    proxy = await startProxyProcess()
    clients = []
    replica = await startStandIn(proxy.socketPath('replica'), (request, response) => {
      if (request.url === '/big') return response.end(BIG)
      if (request.url === '/echo') return request.pipe(response)
      if (request.url === '/wait') return request
      return response.end('fine')
    })
    await proxy.route({ maxOngoingRequests: 1_000, replicas: [replica.replica] })
  })
  afterEach(async () => {
    for (const { socket } of clients) socket.destroy()
    await proxy.stop()
    await replica.stop()
  })

  const open = (count: number, text: string): RawClient[] => {
    const opened = Array.from({ length: count }, () => rawClient(proxy.port, text))
    clients.push(...opened)
    return opened
  }
  async function expectServing(): Promise<void> {
    const answers = await Promise.all(Array.from({ length: 50 }, () => ask(proxy.port)))
    expect(new Set(answers)).to.deep.equal(new Set(['200 fine']))
    expect(proxy.death()).to.equal(undefined)
  }

  it('that send their heads byte by byte', async () => {
    const slow = open(200, '')
    for (const byte of `GET / HTTP/1.1\r\n${HOST}\r\n`) {
      for (const { socket } of slow) socket.write(byte)
      await setTimeout(5)
    }
    await expectServing()
    await eventually(() => slow.every(({ text }) => text.endsWith('fine')))
  })

  it('that send their bodies byte by byte, and get each byte back at once', async () => {
    const slow = open(200, `POST /echo HTTP/1.1\r\n${HOST}Content-Length: 20\r\n\r\n`)
    for (let byte = 0; byte < 20; byte += 1) {
      for (const { socket } of slow) socket.write('x')
      await eventually(() => slow.every(({ text }) => text.split('x\r\n').length > byte))
    }
    await expectServing()
    await eventually(() => slow.every(({ text }) => text.endsWith('0\r\n\r\n')))
  })

  it('that stop in the middle of their heads and bodies', async () => {
    open(300, `GET / HTTP/1.1\r\n${HOST}`)
    open(300, `POST /echo HTTP/1.1\r\n${HOST}Content-Length: 20\r\n\r\nabc`)
    await eventually(() => replica.counts.ongoing === 300)
    await expectServing()
  })

  it('that do not read their answers, which stay in the replica', async () => {
    const before = residentMib(proxy.pid)
    const slow = open(30, `GET /big HTTP/1.1\r\n${HOST}\r\n`)
    for (const { socket } of slow) socket.pause()
    await eventually(() => replica.requests.length === 30, PATIENTLY)
    await expectServing()
    const grown = residentMib(proxy.pid) - before
    console.log(`      30 answers of 32 MiB that nobody reads: ${grown.toFixed(0)} MiB in the proxy`)
    expect(grown).to.be.lessThan(200)
    const [patient, others] = [slow.slice(0, 5), slow.slice(5)]
    for (const { socket } of others) socket.destroy()
    await eventually(() => replica.counts.ongoing === 5)
    for (const { socket } of patient) socket.resume()
    await eventually(() => patient.every(({ text }) => text.length > BIG.length), PATIENTLY)
    await eventually(() => replica.counts.ongoing === 0)
  })

  it('that close their half of the connection, which counts as leaving', async () => {
    const gone = open(50, '')
    for (const { socket } of gone) socket.end(`GET /wait HTTP/1.1\r\n${HOST}\r\n`)
    await eventually(() => gone.every(({ isClosed }) => isClosed) && replica.counts.ongoing === 0)
    await expectServing()
  })

  it('that are ten thousand and idle', async () => {
    await expectServing()
    const count = connectionsWithin(10_000)
    const [sockets, memory] = [socketsOf(proxy.pid), residentMib(proxy.pid)]
    let answered = 0
    const idle: Socket[] = []
    for (let n = 0; n < count; n += 1) {
      const socket = connect(proxy.port, '127.0.0.1')
      socket.on('error', () => {})
      // Half of them have had an answer and may ask again; half have said nothing yet.
      if (n % 2 === 0) socket.once('data', () => (answered += 1)).write(`GET / HTTP/1.1\r\n${HOST}\r\n`)
      else socket.resume()
      idle.push(socket)
      if (n % 500 === 499) await eventually(() => socketsOf(proxy.pid) > n)
    }
    await eventually(() => answered === Math.ceil(count / 2), PATIENTLY)
    const each = ((residentMib(proxy.pid) - memory) * 1024) / count
    console.log(`      ${count} idle connections: ${each.toFixed(1)} KiB each in the proxy`)
    expect(socketsOf(proxy.pid)).to.be.at.least(count)
    expect(each).to.be.lessThan(50)
    await expectServing()
    for (const socket of idle) socket.destroy()
    await eventually(() => socketsOf(proxy.pid) < sockets + 500, PATIENTLY)
    await expectServing()
  })
})
