import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { type Launched, launch } from '../helpers/cluster.ts'
import { type Operator, operate } from '../helpers/operator.ts'
import { eventually } from '../helpers/eventually.ts'

const MODULE = 'test/fixtures/configured.mjs'

/** An application with one replica. */
const application = (name: string, prefix: string, more = '') => `- name: ${name}
  route_prefix: ${prefix}
  import_path: ${MODULE}:app
  deployments: [{name: Teller, num_replicas: 1}]
${more}`

describe('a configuration that is applied to a running cluster', () => {
  const directory = mkdtempSync(join(tmpdir(), 'batoid-test-'))
  let cluster: Launched
  let operator: Operator
  let url = ''

  before(async () => {
    const file = join(directory, 'serve.yaml')
    writeFileSync(file, `applications:\n${application('a', '/a')}${application('b', '/b')}`)
    cluster = launch(file)
    await eventually(() => ['a', 'b'].every((name) => cluster.stdout().includes(`'${name}' is ready`)), {
      withinMs: 25_000,
    })
    url = /at (http:\/\/127\.0\.0\.1:\d+)/.exec(cluster.stdout())?.[1] ?? ''
    operator = operate(cluster.session)
  })
  after(async () => {
    operator.close()
    cluster.signal('SIGINT')
    expect((await cluster.ended).code).to.equal(0)
    await cluster.dispose()
    rmSync(directory, { recursive: true })
  })

  const apply = (text: string) => operator.apply(text)
  const pidAt = async (path: string) => ((await (await fetch(url + path)).json()) as { pid: number }).pid
  const statusAt = async (path: string) => (await fetch(url + path)).status
  const countOf = (text: string) => cluster.stdout().split(text).length - 1

  it('restarts nothing when only a prefix changes, and loses no request to what does not change', async () => {
    const pids = [await pidAt('/a'), await pidAt('/b')]
    const answers: number[] = []
    const load = { isDone: false }
    const loading = (async () => {
      while (!load.isDone) answers.push(await statusAt('/a'))
    })()
    for (const prefix of ['/c', '/d', '/b2']) {
      await apply(`applications:\n${application('a', '/a')}${application('b', prefix)}`)
      await eventually(async () => (await statusAt(prefix)) === 200)
      expect(await statusAt('/b')).to.equal(404)
      expect([await pidAt('/a'), await pidAt(prefix)]).to.deep.equal(pids)
    }
    load.isDone = true
    await loading
    expect(new Set(answers)).to.deep.equal(new Set([200]))
    expect(answers.length).to.be.greaterThan(10)
  })

  it('exchanges prefixes at once: every request is answered below the one by which it was found', async () => {
    const state = { isDone: false }
    const statuses = new Set<number>()
    const loading = ['/a', '/ü'].map(async (path) => {
      while (!state.isDone) statuses.add(await statusAt(path))
    })
    await apply(`applications:\n${application('a', '/a')}${application('b', '/ü')}`)
    await eventually(async () => (await statusAt('/ü')) === 200)
    const pids = [await pidAt('/a'), await pidAt('/ü')]
    statuses.clear()
    for (let n = 0; n < 5; n += 1) {
      await apply(`applications:\n${application('a', '/ü')}${application('b', '/a')}`)
      await eventually(async () => (await pidAt('/ü')) === pids[0])
      await apply(`applications:\n${application('a', '/a')}${application('b', '/ü')}`)
      await eventually(async () => (await pidAt('/a')) === pids[0])
    }
    state.isDone = true
    await Promise.all(loading)
    expect([...statuses]).to.deep.equal([200])
    await apply(`applications:\n${application('a', '/a')}${application('b', '/b2')}`)
    await eventually(async () => (await statusAt('/b2')) === 200)
  })

  it('changes how live processes log, without a restart', async () => {
    const pids = [await pidAt('/a'), await pidAt('/b2')]
    const logs = join(directory, 'logs')
    await apply(`logging_config: {encoding: JSON, enable_access_log: false, logs_dir: ${logs}}
applications:
${application('a', '/a')}${application('b', '/b2', '  logging_config: {log_level: ERROR}\n')}`)
    const lines = () => readdirSync(logs).flatMap((file) => readFileSync(join(logs, file), 'utf8').trim().split('\n'))
    await eventually(async () => {
      expect([await pidAt('/a'), await pidAt('/b2')]).to.deep.equal(pids)
      return readdirSync(logs).some((file) => file.startsWith('replica_a_Teller_'))
    })
    await eventually(() => lines().some((line) => line.includes('"message":"asked"')))
    const components = () =>
      new Set(lines().map((line) => (JSON.parse(line) as Record<string, unknown>)['component_name']))
    await apply(`logging_config: {encoding: JSON, logs_dir: ${logs}}\napplications:\n${application('a', '/a')}`)
    await eventually(async () => (await pidAt('/a')) === pids[0] && components().size === 3)
    expect([...components()].toSorted()).to.deep.equal(['controller', 'proxy', 'replica'])
    await eventually(() => lines().some((line) => /"message":"GET \/a\/? 200/.test(line) && line.includes('"proxy"')))
    await apply(`applications:\n${application('a', '/a')}`)
    const before = lines().length
    expect(await pidAt('/a')).to.equal(pids[0])
    await eventually(() =>
      cluster
        .log(/^replica_a/)
        .trim()
        .endsWith('ms'),
    )
    expect(lines()).to.have.lengthOf(before)
  })

  it('leaves the others alone, and the version that runs, when one fails', async () => {
    const pid = await pidAt('/a')
    const broken = application('b', '/b').replace(':app', ':throws')
    const statuses = await apply(`applications:\n${application('a', '/a')}${broken}`)
    expect(statuses.map(({ name, status }) => `${name} ${status}`)).to.deep.equal(['a RUNNING', 'b DEPLOY_FAILED'])
    expect(statuses[1]?.message).to.match(/^Deploying app 'b' failed with exception:\n[^]*no such model/)
    await apply(`applications:\n${application('a', '/a')}${application('b', '/b')}`)
    await eventually(async () => (await statusAt('/b')) === 200)
    const other = await pidAt('/b')
    const [, kept] = await apply(`applications:\n${application('a', '/a')}${broken}`)
    expect(kept?.status).to.equal('DEPLOY_FAILED')
    expect([await pidAt('/a'), await pidAt('/b')]).to.deep.equal([pid, other])
  })

  it('gives nobody a prefix that another still has', async () => {
    const broken = application('b', '/x').replace(':app', ':throws')
    const statuses = await apply(`applications:\n${application('a', '/a')}${broken}${application('c', '/b')}`)
    expect(statuses.map(({ status }) => status)).to.deep.equal(['RUNNING', 'DEPLOY_FAILED', 'DEPLOY_FAILED'])
    expect(statuses[2]?.message).to.contain(
      'Prefix /b is being used by application "b". Failed to deploy application "c".',
    )
  })

  it('drains what it does not name', async () => {
    const pid = await pidAt('/a')
    const stopped = "deployment='Teller', app='b') is stopped"
    const before = countOf(stopped)
    await apply(`applications:\n${application('a', '/a')}`)
    await eventually(async () => (await statusAt('/b')) === 404)
    await eventually(() => countOf(stopped) === before + 1)
    expect(await pidAt('/a')).to.equal(pid)
  })

  it('scales everything to its target capacity', async () => {
    const pid = await pidAt('/a')
    const four = application('a', '/a').replace('num_replicas: 1', 'num_replicas: 4')
    const before = countOf('Adding 1 replica to ')
    await apply(`target_capacity: 50\napplications:\n${four}`)
    await eventually(() => countOf('Adding 1 replica to ') === before + 1)
    expect(cluster.stdout()).to.contain('Target capacity scaling down from 100.0 to 50.0.')
    await eventually(async () => (await Promise.all(Array.from({ length: 20 }, () => pidAt('/a')))).includes(pid))
  })

  it('is remembered by a controller that is killed', async () => {
    const pid = await pidAt('/a')
    await apply(`applications:\n${application('a', '/a2')}${application('e', '/e').replace(':app', ':throws')}`)
    await eventually(async () => (await statusAt('/a2')) === 200)
    process.kill(Number(/\(ServeController pid=(\d+)\)/.exec(cluster.stdout())?.[1]), 'SIGKILL')
    await eventually(() => cluster.stdout().includes("Recovering target state for application 'a' from checkpoint."), {
      withinMs: 10_000,
    })
    expect(await statusAt('/a2')).to.equal(200)
    expect(await statusAt('/b')).to.equal(404)
    expect(pid).to.be.a('number')
  })
})
