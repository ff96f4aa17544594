import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { expect } from 'chai'
import { type Clients, startClients } from '../helpers/clients.ts'
import { type Cluster, type ClusterOptions, startCluster } from '../helpers/cluster.ts'
import { errorOf } from '../helpers/channel.ts'
import { eventually } from '../helpers/eventually.ts'
import { killAndReplace, loggedAt, pidOf, pidsOf } from '../helpers/faults.ts'
import { type Operator, operate } from '../helpers/operator.ts'

const MODULE = 'test/fixtures/served.mjs'

describe('a cluster goes on, with 20 clients,', function () {
  this.timeout(90_000)
  let cluster: Cluster
  let clients: Clients
  let operator: Operator

  async function start(options?: ClusterOptions): Promise<void> {
    cluster = await startCluster(`${MODULE}:two`, options)
    clients = startClients(`${cluster.url}/`)
    operator = operate(cluster.session)
    await eventually(() => clients.told.length > 100)
    await operator.settled()
  }

  const controllerLog = () => cluster.log(/^controller_/)
  const answers = async (text: string) => {
    const since = performance.now()
    await eventually(() => clients.told.some((told) => told.at > since && told.text.startsWith(text)))
  }
  const finish = async (what: string) => {
    await clients.stop()
    console.log(`      ${what}: ${clients.told.length} requests, ${clients.failed().length} failed`)
    expect(clients.failed()).to.deep.equal([])
  }

  afterEach(async function () {
    if (this.currentTest?.state === 'failed') console.log(controllerLog())
    operator.close()
    await clients.stop()
    await cluster.dispose()
  })

  /** As on a full disk, files can be made, but no byte be written to them; `prlimit` is part of every Linux. */
  const limitFiles = (bytes: '0' | 'unlimited') => {
    for (const pid of cluster.pids()) execFileSync('prlimit', ['--pid', String(pid), `--fsize=${bytes}:unlimited`])
  }

  it('on a full disk: replaces what dies, changes nothing, and counts the log lines that it loses', async () => {
    await start()
    const full = clients.told.length
    limitFiles('0')
    const refusal = await errorOf(operator.deploy({ importPath: `${MODULE}:twoNext` }))
    expect(refusal).to.include({ code: 'checkpoint_failed' })
    expect(refusal.message).to.match(/cannot write down what shall run, so nothing was changed: .*; make room in /)
    const [victim = 0, other = 0] = pidsOf(cluster, 'ServeReplica')
    process.kill(victim, 'SIGKILL')
    await eventually(
      () =>
        clients.told.slice(-40).some(({ text }) => !text.endsWith(` ${other}`)) &&
        pidsOf(cluster, 'ServeReplica').length === 2,
    )
    await killAndReplace(cluster, 'ServeController')
    operator.forget()
    await operator.settled()
    process.kill(other, 'SIGKILL')
    await eventually(() => operator.status()?.status === 'UNHEALTHY')
    await operator.settled()
    expect(pidsOf(cluster, 'ServeReplica')).to.have.length(2).and.not.include.members([victim, other])
    const whileFull = clients.told.length - full
    limitFiles('unlimited')
    await eventually(() => /WARNING .* \d+ log lines were lost: EFBIG/.test(cluster.log(/^proxy_/)))
    await operator.deploy({ importPath: `${MODULE}:twoNext` })
    await operator.settled()
    await answers('v2')
    await finish(`a full disk, ${whileFull} requests long`)
  })

  it('with a damaged checkpoint: sets it aside, and is told anew what shall run', async () => {
    await start()
    const replicas = pidsOf(cluster, 'ServeReplica')
    const path = join(cluster.session, 'controller.json')
    writeFileSync(path, readFileSync(path, 'utf8').slice(0, 100))
    operator.forget()
    await killAndReplace(cluster, 'ServeController')
    await operator.settled()
    expect(controllerLog()).to.match(
      /ERROR .* The checkpoint of the controller before this one cannot be read: .*; it was set aside as .*\.damaged\. What runs goes on; what shall run has to be deployed again\./,
    )
    expect(existsSync(`${path}.damaged`)).to.equal(true)
    expect(readFileSync(path, 'utf8')).to.include('served.mjs')
    expect(pidsOf(cluster, 'ServeReplica')).to.deep.equal(replicas)
    await finish('a damaged checkpoint')
  })

  it('when the clock is set back by an hour: nothing waits, and nothing counts as late', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'batoid-clock-'))
    try {
      const CLOCK_SET_BACK = join(directory, 'set-back')
      const NODE_OPTIONS = `--import ${resolve('test/fixtures/clock-set-back.mjs')}`
      await start({ env: { CLOCK_SET_BACK, NODE_OPTIONS } })
      const replicas = pidsOf(cluster, 'ServeReplica')
      writeFileSync(CLOCK_SET_BACK, '')
      await eventually(() => Math.max(...loggedAt(cluster.log(/^proxy_/), / GET /).slice(-1)) < Date.now() - 3_500_000)
      // Each of these waits for timers, or has something compared with what was before.
      process.kill(replicas[0] ?? 0, 'SIGKILL')
      await eventually(() => pidsOf(cluster, 'ServeReplica').length === 2 && operator.status()?.status === 'RUNNING')
      const controller = await killAndReplace(cluster, 'ServeController')
      await operator.settled()
      await operator.deploy({ importPath: `${MODULE}:twoNext` })
      await operator.settled()
      await answers('v2')
      const [stopped = 0] = pidsOf(cluster, 'ServeReplica')
      process.kill(stopped, 'SIGSTOP')
      await eventually(() => controllerLog().includes('gets no requests for now'))
      process.kill(stopped, 'SIGCONT')
      expect(await pidOf(cluster, 'ServeController')).to.equal(controller)
      await finish('a clock set back by an hour')
    } finally {
      rmSync(directory, { recursive: true })
    }
  })
})
