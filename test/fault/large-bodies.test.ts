import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage, type RequestListener } from 'node:http'
import { Readable } from 'node:stream'
import { setTimeout } from 'node:timers/promises'
import { expect } from 'chai'
import { type StandIn, startStandIn } from '../helpers/proxy.ts'
import { type ProxyProcess, residentMib, startProxyProcess } from '../helpers/proxy-process.ts'

const MIB = 1024 * 1024
const CHUNK = Buffer.alloc(64 * 1024, 'x')
const TOTAL = 1024 * MIB
/** Everything that may lie between the two ends: sockets, streams, the proxy. */
const AHEAD_MIB = 20
const GROWTH_MIB = 64

/** A gigabyte, and how much of it has been made so far. */
function gigabyte(): { stream: Readable; madeMib: () => number } {
  let made = 0
  const stream = new Readable({
    read() {
      made += CHUNK.length
      this.push(made > TOTAL ? null : CHUNK)
    },
  })
  return { stream, madeMib: () => made / MIB }
}

/** Reads 100 MiB piece by piece with a rest of 10 ms after each, then the others as fast as they come. */
async function readSlowlyAtFirst(stream: Readable, whileSlow: (readMib: number) => void): Promise<number> {
  let bytes = 0
  let rests = 0
  for await (const chunk of stream) {
    bytes += chunk.length
    if (bytes > 100 * MIB || bytes < rests * MIB) continue
    rests += 1
    await setTimeout(10)
    whileSlow(bytes / MIB)
  }
  return bytes
}

describe('a gigabyte with a slow reader', () => {
  let proxy: ProxyProcess
  let replica: StandIn | undefined
  beforeEach(async () => {
    proxy = await startProxyProcess()
  })
  afterEach(async () => {
    await proxy.stop()
    await replica?.stop()
  })

  async function serve(handler: RequestListener): Promise<void> {
    replica = await startStandIn(proxy.socketPath('replica'), handler)
    await proxy.serve(replica)
    // What the first megabytes cost for good is no leak.
    for (let n = 0; n < 20; n += 1) await (await fetch(`http://127.0.0.1:${proxy.port}/warm`)).arrayBuffer()
  }

  /** The most that the proxy's memory has grown since. */
  function watch(): { mostMib: () => number; stop(): void } {
    const before = residentMib(proxy.pid)
    let most = 0
    const timer = setInterval(() => (most = Math.max(most, residentMib(proxy.pid) - before)), 50)
    return { mostMib: () => most, stop: () => clearInterval(timer) }
  }

  it('passes down to the client in bounded memory', async () => {
    const { stream, madeMib } = gigabyte()
    await serve((request, response) =>
      request.url === '/warm' ? response.end('x'.repeat(MIB)) : stream.pipe(response),
    )
    const memory = watch()
    const asked = httpRequest({ port: proxy.port, host: '127.0.0.1', agent: false }).end()
    const [answer]: IncomingMessage[] = await once(asked, 'response')
    let ahead = 0
    const bytes = await readSlowlyAtFirst(
      answer ?? Readable.from([]),
      (read) => (ahead = Math.max(ahead, madeMib() - read)),
    )
    memory.stop()
    console.log(`      down: proxy grew ${memory.mostMib().toFixed(0)} MiB, replica was ${ahead.toFixed(1)} MiB ahead`)
    expect(bytes).to.equal(TOTAL)
    expect(ahead).to.be.lessThan(AHEAD_MIB)
    expect(memory.mostMib()).to.be.lessThan(GROWTH_MIB)
  })

  it('passes up to the replica in bounded memory', async () => {
    const { stream, madeMib } = gigabyte()
    let ahead = 0
    await serve((request, response) => {
      if (request.url === '/warm') return response.end('x'.repeat(MIB))
      return void readSlowlyAtFirst(request, (read) => (ahead = Math.max(ahead, madeMib() - read))).then((bytes) =>
        response.end(String(bytes)),
      )
    })
    const memory = watch()
    const asked = httpRequest({ port: proxy.port, host: '127.0.0.1', agent: false, method: 'POST' })
    stream.pipe(asked)
    const [answer]: IncomingMessage[] = await once(asked, 'response')
    expect(String(await answer?.toArray())).to.equal(String(TOTAL))
    memory.stop()
    console.log(`      up: proxy grew ${memory.mostMib().toFixed(0)} MiB, client was ${ahead.toFixed(1)} MiB ahead`)
    expect(ahead).to.be.lessThan(AHEAD_MIB)
    expect(memory.mostMib()).to.be.lessThan(GROWTH_MIB)
  })
})
