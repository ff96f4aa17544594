import { expect } from 'chai'
import { type Clients, startClients, type Told } from '../helpers/clients.ts'
import { type Cluster, startCluster } from '../helpers/cluster.ts'
import { eventually } from '../helpers/eventually.ts'
import { killAndReplace, pidsOf, spread } from '../helpers/faults.ts'

/** The goal is 700 ms, on a machine that does nothing else. */
const MOST_SILENCE_MS = 3000
/** From `process.kill` until the kernel has closed what the process had open. */
const DYING_MS = 150

describe('kill -9, with 20 clients', function () {
  this.timeout(90_000)
  let cluster: Cluster
  let clients: Clients
  let newcomers: Clients

  beforeEach(async () => {
    cluster = await startCluster('test/fixtures/served.mjs:two')
    clients = startClients(`${cluster.url}/`)
    newcomers = startClients(`${cluster.url}/`, { count: 5, keepAlive: false })
    await eventually(() => clients.told.length > 100)
  })

  const stopAll = () => Promise.all([clients.stop(), newcomers.stop()])

  afterEach(async function () {
    if (this.currentTest?.state === 'failed') console.log(cluster.log(/^proxy_/).slice(-5000))
    await stopAll()
    await cluster.dispose()
  })

  const answeredAfter = (at: number) => clients.told.filter(({ status, ...told }) => status === 200 && told.at > at)
  const isOngoingAt =
    (killedAt: readonly number[]) =>
    ({ at, tookMs }: Told) =>
      killedAt.some((kill) => at < kill + DYING_MS && at + tookMs > kill)

  /** The longest time within which nobody got an answer. */
  const silence = (from: number) => {
    const ends = [...clients.told, ...newcomers.told]
      .filter(({ status, at, tookMs }) => status === 200 && at + tookMs > from)
      .map(({ at, tookMs }) => at + tookMs)
      .toSorted((a, b) => a - b)
    return Math.max(...ends.map((end, n) => end - (ends[n - 1] ?? from)))
  }

  it('of the proxy, ten times: nobody is refused, and only what was ongoing may break', async () => {
    const replicas = pidsOf(cluster, 'ServeReplica')
    const silences: number[] = []
    const killedAt: number[] = []
    for (let n = 0; n < 10; n += 1) {
      const since = performance.now()
      killedAt.push(since)
      await killAndReplace(cluster, 'ProxyActor')
      // The next one has lived for long enough to be started at once when it dies.
      await eventually(() => answeredAfter(since + 1000).length > 100)
      silences.push(silence(since))
    }
    await stopAll()
    const failed = [...clients.failed(), ...newcomers.failed()]
    const refused = failed.filter(({ text }) => text.includes('ECONNREFUSED'))
    console.log(
      `      kill -9 the proxy, 10 times: ${clients.told.length + newcomers.told.length} requests, ${failed.length} of ` +
        `those in progress failed, ${refused.length} refused, next answer after ms: ${spread(silences)}`,
    )
    expect(refused).to.deep.equal([])
    expect(failed.filter((told) => !isOngoingAt(killedAt)(told))).to.deep.equal([])
    expect(Math.max(...silences)).to.be.below(MOST_SILENCE_MS)
    expect(pidsOf(cluster, 'ServeReplica')).to.deep.equal(replicas)
  })

  it('of the launcher: no process is left after 5 s', async () => {
    expect(cluster.pids()).to.have.length(5)
    const since = performance.now()
    cluster.child.kill('SIGKILL')
    await eventually(() => cluster.pids().length === 0, { withinMs: 5000 })
    console.log(`      kill -9 the launcher: no process left after ${Math.round(performance.now() - since)} ms`)
  })
})
