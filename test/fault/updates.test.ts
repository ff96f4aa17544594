import { expect } from 'chai'
import { type Cluster, startCluster } from '../helpers/cluster.ts'
import { eventually } from '../helpers/eventually.ts'
import { pidsOf, spread } from '../helpers/faults.ts'
import { type MixedLoad, startMixedLoad } from '../helpers/mixed-load.ts'

const MODULE = 'test/fixtures/served.mjs'

describe('an update, with 20 clients', function () {
  this.timeout(300_000)
  let cluster: Cluster
  let load: MixedLoad

  async function start(name: string): Promise<void> {
    cluster = await startCluster(`${MODULE}:${name}`)
    load = await startMixedLoad(cluster)
  }

  const controllerLog = () => cluster.log(/^controller_/)

  afterEach(async function () {
    if (this.currentTest?.state === 'failed') console.log(controllerLog())
    load.operator.close()
    await load.stop()
    await cluster.dispose()
  })

  /** All answers since then say so. */
  const answerWith = async (text: string) => {
    const since = performance.now()
    await eventually(() => load.clients.told.filter(({ at }) => at >= since).length > 60)
    const answers = load.clients.told.filter(({ at }) => at >= since).map((told) => told.text.split(' ', 2).join(' '))
    expect([...new Set(answers)]).to.deep.equal([text])
  }

  const leastServing = () => Math.min(...load.operator.tables.map(({ routes }) => routes[0]?.replicas.length ?? 0))
  const leastRunning = () =>
    Math.min(
      ...load.operator.statuses.map(({ applications }) => {
        const { RUNNING = 0, UPDATING = 0 } = applications[0]?.deployments[0]?.replicaStates ?? {}
        return RUNNING + UPDATING
      }),
    )

  const finish = async (what: string) => {
    await load.stop()
    const failed = [
      ...load.clients.failed().map(({ status, text }) => `${status} ${text}`),
      ...load.events.failed,
      ...load.talks.failed,
    ]
    console.log(
      `      ${what}: ${load.clients.told.length} requests, ${load.events.done()} streams and ${load.talks.done()} messages, ` +
        `${failed.length} failed; WebSockets restarted ${load.talks.restarts()} times; at least ${leastServing()} served`,
    )
    expect(failed).to.deep.equal([])
  }

  it('of the code of 4 replicas, 20 times, fails no request and always leaves 4 serving', async () => {
    await start('four')
    const tookMs: number[] = []
    for (let n = 0; n < 20; n += 1) {
      const [name, version] = n % 2 === 0 ? ['fourNext', 'v2'] : ['four', 'v1']
      const before = pidsOf(cluster, 'ServeReplica')
      const since = performance.now()
      await load.operator.deploy({ importPath: `${MODULE}:${name}` })
      await load.operator.settled()
      tookMs.push(performance.now() - since)
      await answerWith(`${version} c0`)
      expect(pidsOf(cluster, 'ServeReplica')).to.have.length(4).and.not.include.members(before)
    }
    await finish(`rolling update of 4 replicas, 20 times, each in ms: ${spread(tookMs)}`)
    expect([leastServing(), leastRunning()]).to.deep.equal([4, 4])
  })

  it('of user_config, 20 times, fails no request, always leaves 4 serving, and keeps every process', async () => {
    await start('four')
    const pids = pidsOf(cluster, 'ServeReplica')
    const tookMs: number[] = []
    for (let n = 1; n <= 20; n += 1) {
      const since = performance.now()
      await load.operator.deploy({ importPath: `${MODULE}:four`, options: { userConfig: `c${n}` } })
      await load.operator.settled()
      tookMs.push(performance.now() - since)
      await answerWith(`v1 c${n}`)
    }
    await finish(`user_config of 4 replicas, 20 times, each in ms: ${spread(tookMs)}`)
    expect([leastServing(), leastRunning()]).to.deep.equal([4, 4])
    expect(pidsOf(cluster, 'ServeReplica')).to.deep.equal(pids)
    expect(load.talks.restarts()).to.equal(0)
  })

  it('of the number of replicas, 1 to 8 to 1, ten times, fails no request', async () => {
    await start('one')
    const tookMs: number[] = []
    for (let n = 0; n < 10; n += 1) {
      for (const numReplicas of [8, 1]) {
        const since = performance.now()
        await load.operator.deploy({ importPath: `${MODULE}:one`, options: { numReplicas } })
        await load.operator.settled()
        tookMs.push(performance.now() - since)
        expect(pidsOf(cluster, 'ServeReplica')).to.have.length(numReplicas)
      }
    }
    await finish(`1 to 8 to 1, 10 times, each in ms: ${spread(tookMs)}`)
    expect(leastServing()).to.equal(1)
  })

  const failing = {
    throwing: ['no model in this version', 'DEPLOY_FAILED'],
    endless: ['it was not ready within 1500 ms (startTimeoutS of its deployment)', 'DEPLOY_FAILED'],
    sick: ['this version is never well', 'DEPLOY_FAILED'],
  }
  for (const [name, [why = '', status]] of Object.entries(failing)) {
    it(`to a version that is ${name} leaves the old one serving, and the status says why`, async () => {
      await start('two')
      const pids = pidsOf(cluster, 'ServeReplica')
      await load.operator.deploy({ importPath: `${MODULE}:${name}` })
      await eventually(() => load.operator.status()?.status === status)
      await answerWith('v1 none')
      expect(load.operator.status()?.message).to.include(why)
      await eventually(() => expect(pidsOf(cluster, 'ServeReplica')).to.deep.equal(pids))
      expect([leastServing(), leastRunning()]).to.deep.equal([2, 2])
      await load.operator.deploy({ importPath: `${MODULE}:twoNext` })
      await load.operator.settled()
      await answerWith('v2 none')
      await finish(`to a version that is ${name}`)
    })
  }
})
