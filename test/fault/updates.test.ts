import { expect } from 'chai'
import { type Clients, startClients } from '../helpers/clients.ts'
import { type Cluster, startCluster } from '../helpers/cluster.ts'
import { eventually } from '../helpers/eventually.ts'
import { pidsOf, spread } from '../helpers/faults.ts'
import { type Operator, operate } from '../helpers/operator.ts'
import { readEvents, type Streams, talk } from '../helpers/streams.ts'

const MODULE = 'test/fixtures/served.mjs'

describe('an update, with 20 clients', function () {
  this.timeout(300_000)
  let cluster: Cluster
  let clients: Clients
  let operator: Operator
  let events: Streams
  let talks: Streams

  /** 14 ordinary clients, 3 that read events, and 3 that talk over WebSockets. */
  async function start(name: string): Promise<void> {
    cluster = await startCluster(`${MODULE}:${name}`)
    clients = startClients(`${cluster.url}/`, { count: 14 })
    events = readEvents(`${cluster.url}/events`, 3)
    talks = talk(`${cluster.url}/talk`, 3)
    operator = operate(cluster.session)
    await eventually(() => clients.told.length > 100 && events.done() > 3 && talks.done() > 3)
    await operator.settled()
  }

  const stopAll = () => Promise.all([clients, events, talks].map((one) => one.stop()))
  const controllerLog = () => cluster.log(/^controller_/)

  afterEach(async function () {
    if (this.currentTest?.state === 'failed') console.log(controllerLog())
    operator.close()
    await stopAll()
    await cluster.dispose()
  })

  /** All answers since then say so. */
  const answerWith = async (text: string) => {
    const since = performance.now()
    await eventually(() => clients.told.filter(({ at }) => at >= since).length > 60)
    const answers = clients.told.filter(({ at }) => at >= since).map((told) => told.text.split(' ', 2).join(' '))
    expect([...new Set(answers)]).to.deep.equal([text])
  }

  const leastServing = () => Math.min(...operator.tables.map(({ routes }) => routes[0]?.replicas.length ?? 0))
  const leastRunning = () =>
    Math.min(
      ...operator.statuses.map(({ applications }) => {
        const { RUNNING = 0, UPDATING = 0 } = applications[0]?.deployments[0]?.replicaStates ?? {}
        return RUNNING + UPDATING
      }),
    )

  const finish = async (what: string) => {
    await stopAll()
    const failed = [
      ...clients.failed().map(({ status, text }) => `${status} ${text}`),
      ...events.failed,
      ...talks.failed,
    ]
    console.log(
      `      ${what}: ${clients.told.length} requests, ${events.done()} streams and ${talks.done()} messages, ` +
        `${failed.length} failed; WebSockets restarted ${talks.restarts()} times; at least ${leastServing()} served`,
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
      await operator.deploy({ importPath: `${MODULE}:${name}` })
      await operator.settled()
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
      await operator.deploy({ importPath: `${MODULE}:four`, options: { userConfig: `c${n}` } })
      await operator.settled()
      tookMs.push(performance.now() - since)
      await answerWith(`v1 c${n}`)
    }
    await finish(`user_config of 4 replicas, 20 times, each in ms: ${spread(tookMs)}`)
    expect([leastServing(), leastRunning()]).to.deep.equal([4, 4])
    expect(pidsOf(cluster, 'ServeReplica')).to.deep.equal(pids)
    expect(talks.restarts()).to.equal(0)
  })

  it('of the number of replicas, 1 to 8 to 1, ten times, fails no request', async () => {
    await start('one')
    const tookMs: number[] = []
    for (let n = 0; n < 10; n += 1) {
      for (const numReplicas of [8, 1]) {
        const since = performance.now()
        await operator.deploy({ importPath: `${MODULE}:one`, options: { numReplicas } })
        await operator.settled()
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
      await operator.deploy({ importPath: `${MODULE}:${name}` })
      await eventually(() => operator.status()?.status === status)
      await answerWith('v1 none')
      expect(operator.status()?.message).to.include(why)
      await eventually(() => expect(pidsOf(cluster, 'ServeReplica')).to.deep.equal(pids))
      expect([leastServing(), leastRunning()]).to.deep.equal([2, 2])
      await operator.deploy({ importPath: `${MODULE}:twoNext` })
      await operator.settled()
      await answerWith('v2 none')
      await finish(`to a version that is ${name}`)
    })
  }
})
