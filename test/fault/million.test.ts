import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { expect } from 'chai'
import { ask } from '../helpers/ask.ts'
import { type Cluster, startCluster } from '../helpers/cluster.ts'
import { eventually } from '../helpers/eventually.ts'
import { type RawClient, rawClient } from '../helpers/proxy.ts'
import { residentMib, socketsOf } from '../helpers/proxy-process.ts'

const REQUESTS = 1_000_000
const WARM_UP = 200_000
const STEP = 100_000
/** That the line through what was measured rises over all requests after the warm-up. */
const RISE_MIB = 10
const CONNECTIONS = 64
/** Of the fixture: `maxOngoingRequests` times replicas. */
const PLACES = 128

/** How much the line of least squares rises from the first sample to the last. */
function rise(samples: readonly number[]): number {
  const [x, y] = [(samples.length - 1) / 2, samples.reduce((sum, mib) => sum + mib, 0) / samples.length]
  const [above, below] = samples.reduce(
    ([a, b], mib, n): [number, number] => [a + (n - x) * (mib - y), b + (n - x) ** 2],
    [0, 0],
  )
  return (above / below) * (samples.length - 1)
}

describe('a cluster that serves a million requests', () => {
  let cluster: Cluster
  let port: number
  before(async () => {
    cluster = await startCluster('test/fixtures/fault.mjs:two')
    port = Number(new URL(cluster.url).port)
  })
  after(() => cluster.dispose())

  /** The proxy and the replicas by name. */
  const processes = (): Record<string, number> =>
    Object.fromEntries(
      readdirSync(`${cluster.session}/logs/output`).flatMap((file) => {
        const [, name = '', pid = ''] = /^(ProxyActor|ServeReplica).*-(\d+)\.out$/.exec(decodeURIComponent(file)) ?? []
        return name === '' ? [] : [[`${name} ${pid}`, Number(pid)]]
      }),
    )

  async function load(amount: number): Promise<void> {
    const args = ['test/helpers/load.mjs', `${cluster.url}/`, String(CONNECTIONS), String(amount)]
    const { NODE_OPTIONS: _, ...env } = process.env
    const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] })
    let printed = ''
    child.stdout.on('data', (data) => (printed += data))
    await once(child, 'close')
    const { perSecond, p99Ms, ...counts } = JSON.parse(printed)
    console.log(`      ${amount} requests, ${perSecond.toFixed(0)}/s, p99 ${p99Ms} ms`)
    expect(counts).to.deep.equal({ errors: 0, timeouts: 0, non2xx: 0, ok: amount })
  }

  /** Replicas have their garbage collected: between two collections of a calm heap it is 40 MiB. */
  async function settle(replicas: number): Promise<void> {
    const pids = new Set<string>()
    await eventually(async () => pids.add(await ask(port, { path: '/settle' })).size === replicas)
  }

  it('answers each of them, needs no more memory in the end, and has no connection or request left', async () => {
    const slow: RawClient[] = Array.from({ length: 20 }, () => rawClient(port, 'GET / HTTP/1.1\r\nHost: a\r\nX: '))
    const at = processes()
    const sockets = Object.values(at).map(socketsOf)
    await load(WARM_UP)
    const samples = Object.entries(at).map(([name, pid]) => ({ name, pid, mib: [] as number[] }))
    for (let done = WARM_UP; done <= REQUESTS; done += STEP) {
      await settle(Object.values(at).length - 1)
      for (const { pid, mib } of samples) mib.push(residentMib(pid))
      if (done < REQUESTS) await load(STEP)
    }
    for (const { name, mib } of samples)
      console.log(
        `      ${name}: ${mib.map((m) => m.toFixed(0)).join(' ')} MiB, the line rises by ${rise(mib).toFixed(1)}`,
      )
    expect(processes()).to.deep.equal(at)
    for (const { name, mib } of samples) expect(rise(mib), name).to.be.lessThan(RISE_MIB)

    // What the load leaves open are the connections to the replicas, which are kept.
    const more = (): number[] => Object.values(at).map((pid, n) => socketsOf(pid) - (sockets[n] ?? 0))
    await eventually(() => Math.max(...more()) <= PLACES || expect.fail(`${more().join(', ')} connections more`))
    // Every place can be taken, and one request more may wait: no lease is left of a million.
    const all = Array.from({ length: PLACES + 2 }, () => ask(port, { path: '/wait/3000' }))
    const answers = (await Promise.all(all)).filter((answer) => answer !== '200 waited')
    expect(answers.map((answer) => answer.slice(0, 4))).to.deep.equal(['503 '])
    // Clients that never finished their heads have been told so meanwhile.
    await eventually(() => slow.every(({ text, isClosed }) => isClosed && /^HTTP\/1.1 408 /.test(text)), {
      withinMs: 100_000,
    })
  }).timeout(600_000)
})
