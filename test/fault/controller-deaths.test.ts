import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { type Cluster, startCluster } from '../helpers/cluster.ts'
import { eventually } from '../helpers/eventually.ts'
import { killAndReplace, pidsOf, spread, startedOf } from '../helpers/faults.ts'
import { type MixedLoad, startMixedLoad } from '../helpers/mixed-load.ts'
import type { Target } from '../helpers/operator.ts'

const MODULE = 'test/fixtures/served.mjs'

describe('a controller that is killed, with 20 clients', function () {
  this.timeout(120_000)
  let cluster: Cluster
  let load: MixedLoad

  async function start(name: string): Promise<void> {
    cluster = await startCluster(`${MODULE}:${name}`)
    load = await startMixedLoad(cluster)
  }

  const replicas = () => pidsOf(cluster, 'ServeReplica')

  /** Resolves when another controller says that all is as it shall be. */
  const killed = async () => {
    load.operator.forget()
    await killAndReplace(cluster, 'ServeController')
    await load.operator.settled()
  }

  const finish = async (what: string) => {
    await load.stop()
    const failed = [
      ...load.clients.failed().map(({ status, text }) => `${status} ${text}`),
      ...load.events.failed,
      ...load.talks.failed,
    ]
    console.log(
      `      ${what}: ${load.clients.told.length} requests, ${load.events.done()} streams and ${load.talks.done()} messages, ` +
        `${failed.length} failed; ${startedOf(cluster, 'ServeController')} controllers, ${startedOf(cluster, 'ServeReplica')} replicas`,
    )
    expect(failed).to.deep.equal([])
  }

  afterEach(async function () {
    if (this.currentTest?.state === 'failed') console.log(cluster.log(/^controller_/))
    load.operator.close()
    await load.stop()
    await cluster.dispose()
  })

  it('ten times, costs no request and no replica', async () => {
    await start('two')
    const before = replicas()
    const backMs: number[] = []
    for (let n = 0; n < 10; n += 1) {
      const since = performance.now()
      await killed()
      backMs.push(performance.now() - since)
      expect(replicas()).to.deep.equal(before)
    }
    await finish(`kill -9 the controller, 10 times, all as before after ms: ${spread(backMs)}`)
    expect([startedOf(cluster, 'ServeReplica'), load.talks.restarts()]).to.deep.equal([2, 0])
  })

  interface Step {
    readonly what: string
    readonly order: () => Promise<void>
    /** How many processes it starts, and how many there are afterwards. */
    readonly starts: number
    readonly leaves: number
  }

  const deploy = (target: Omit<Target, 'importPath'>, name: string) => () =>
    load.operator.deploy({ importPath: `${MODULE}:${name}`, ...target })

  /** The controller is killed `atMs` after it was told, and what it was told is done nevertheless, once. */
  const interrupt = async ({ what, order, starts, leaves }: Step, atMs: number) => {
    const before = replicas()
    const started = startedOf(cluster, 'ServeReplica')
    const since = performance.now()
    const ordered = order()
    await eventually(() => performance.now() - since >= atMs)
    load.operator.forget()
    await killAndReplace(cluster, 'ServeController')
    await ordered
    await load.operator.settled()
    const tookMs = performance.now() - since
    await eventually(() => expect(replicas(), `${what}, killed after ${atMs} ms`).to.have.length(leaves))
    expect(startedOf(cluster, 'ServeReplica') - started, `${what}, killed after ${atMs} ms`).to.equal(starts)
    const kept = before.filter((pid) => replicas().includes(pid))
    expect(kept, `${what}, killed after ${atMs} ms`).to.have.length(leaves - starts)
    return tookMs
  }

  const MOMENTS_MS = [0, 40, 100, 160, 240, 320, 450, 600, 800, 1000]

  it('at any moment of a rolling update, costs no request, and the update is completed', async () => {
    await start('two')
    const update = (name: string) => ({ what: name, order: deploy({}, name), starts: 2, leaves: 2 })
    const tookMs: number[] = []
    for (const [n, atMs] of MOMENTS_MS.entries()) {
      tookMs.push(await interrupt(update(n % 2 === 0 ? 'twoNext' : 'two'), atMs))
    }
    await finish(`killed in a rolling update, ${MOMENTS_MS.length} moments, all done after ms: ${spread(tookMs)}`)
  })

  it('at any moment of a start and of a drain, costs no request, and both are completed', async () => {
    await start('one')
    const scale = (numReplicas: number, starts: number) => ({
      what: `to ${numReplicas}`,
      order: deploy({ options: { numReplicas } }, 'one'),
      starts,
      leaves: numReplicas,
    })
    const tookMs: number[] = []
    for (const atMs of MOMENTS_MS.slice(0, 8)) {
      tookMs.push(await interrupt(scale(2, 1), atMs), await interrupt(scale(1, 0), atMs))
    }
    await finish(`killed in a start and in a drain, 8 moments each, all done after ms: ${spread(tookMs)}`)
  })

  it('just before it has started a replica, is waited for once and not again', async () => {
    await start('one')
    const word = join(cluster.session, 'replica-abcdefgh.started')
    writeFileSync(word, '')
    await killed()
    expect(existsSync(word)).to.equal(false)
    await finish('killed before it started what it had decided to')
  })

  it('at any moment of a delete, costs other applications no request, and the delete is completed', async () => {
    await start('one')
    const other = { name: 'other', routePrefix: '/other' }
    const before = replicas()
    for (const atMs of MOMENTS_MS.slice(0, 6)) {
      await deploy(other, 'one')()
      await load.operator.settled('other')
      const ongoing = await fetch(`${cluster.url}/other/events`)
      const since = performance.now()
      const removed = load.operator.remove('other')
      await eventually(() => performance.now() - since >= atMs)
      load.operator.forget()
      await killAndReplace(cluster, 'ServeController')
      await removed
      await load.operator.settled()
      await eventually(() => expect(replicas()).to.deep.equal(before))
      await eventually(() => load.operator.status('other') === undefined)
      expect(await ongoing.text()).to.include('data: 9')
    }
    await finish('killed in a delete, 6 moments')
    expect(startedOf(cluster, 'ServeReplica')).to.equal(7)
  })
})
