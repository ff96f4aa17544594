import { request } from 'node:http'
import { createServer } from 'node:net'
import { expect } from 'chai'
import { type Cluster, launch, startCluster } from '../helpers/cluster.ts'
import { eventually } from '../helpers/eventually.ts'
import { goldenSchema } from '../helpers/golden-schema.ts'
import { restOf } from '../helpers/rest.ts'

const MODULE = 'test/fixtures/configured.mjs'
const application = (name: string, more: object = {}, replicas = 1) => ({
  name,
  route_prefix: `/${name}`,
  import_path: `${MODULE}:app`,
  deployments: [{ name: 'Teller', num_replicas: replicas }],
  ...more,
})

describe('the REST API of a cluster', () => {
  let cluster: Cluster
  let rest: Awaited<ReturnType<typeof restOf>>

  before(async () => {
    cluster = await startCluster('test/fixtures/hello.mjs:app', { env: { BATOID_NUM_CPUS: '20' } })
    rest = await restOf(cluster.session)
  })
  after(async () => {
    expect((await cluster.stop()).code).to.equal(0)
    await cluster.dispose()
  })

  const pidsOf = async (name: string) =>
    Object.values((await rest.details()).applications[name]?.deployments ?? {}).flatMap(({ replicas }) =>
      replicas.map(({ pid }) => pid),
    )

  it("has the reference's keys at every level", async () => {
    await rest.put({ applications: [application('a'), application('broken', { import_path: `${MODULE}:throws` })] })
    await rest.becomes('a', 'RUNNING')
    await rest.becomes('broken', 'DEPLOY_FAILED')
    const details = await rest.details()
    const found = goldenSchema().safeParse(details)
    expect(found.error?.issues ?? []).to.deep.equal([])
    const { broken, ...others } = details.applications
    expect(others).to.have.all.keys('default', 'a')
    expect(others['default']).to.include({ source: 'imperative', deployed_app_config: null })
    expect(others['a']).to.include({ source: 'declarative' })
    expect(others['a']?.deployed_app_config).to.deep.equal(application('a'))
    expect(broken?.message).to.match(/^Deploying app 'broken' failed with exception:\n[^]*no such model/)
  })

  it('changes what is declared otherwise, deletes what is not declared any more, and leaves the rest alone', async () => {
    await rest.put({ applications: [application('a'), application('b')] })
    await rest.becomes('b', 'RUNNING')
    const [pids, others] = [await pidsOf('a'), await pidsOf('default')]
    await rest.put({ applications: [application('a'), application('c')] })
    await rest.becomes('c', 'RUNNING')
    await eventually(async () => !('b' in (await rest.details()).applications))
    await rest.put({ applications: [application('a', {}, 2), application('c')] })
    await eventually(async () => (await pidsOf('a')).length === 2, { withinMs: 10_000 })
    expect(await pidsOf('a')).to.include(pids[0])
    expect(await pidsOf('default')).to.deep.equal(others)
    expect((await fetch(`${cluster.url}/c`)).status).to.equal(200)
  })

  it('lets the last of several that are declared at once count', async () => {
    const all = ['x', 'y', 'z'].map((name) => rest.put({ applications: [application('a'), application(name)] }))
    expect((await Promise.all(all)).map(({ status }) => status)).to.deep.equal([200, 200, 200])
    await rest.put({ applications: [application('a')] })
    await eventually(async () => Object.keys((await rest.details()).applications).join() === 'default,a')
  })

  it('warns that HTTP options cannot change while it runs', async () => {
    await rest.put({ http_options: { port: 9, request_timeout_s: null }, applications: [application('a')] })
    await eventually(() => cluster.stdout().includes("Following options are attempted to be updated: ['port']."))
  })

  it('scales what was deployed by itself, or says that its scaler is outside', async () => {
    const scale = (name: string, deployment: string, replicas: number) =>
      rest.ask('POST', `/api/v1/applications/${name}/deployments/${deployment}/scale`, {
        target_num_replicas: replicas,
      })
    expect((await scale('a', 'Teller', 3)).status).to.equal(412)
    expect((await scale('a', 'None', 3)).status).to.equal(404)
    await rest.put({ applications: [application('a', { external_scaler_enabled: true })] })
    await rest.becomes('a', 'RUNNING')
    expect((await scale('a', 'Teller', 3)).status).to.equal(200)
    await eventually(async () => (await pidsOf('a')).length === 3, { withinMs: 10_000 })
    expect((await scale('a', 'Teller', 0)).status).to.equal(200)
    await eventually(async () => (await pidsOf('a')).length === 0, { withinMs: 10_000 })
    expect((await scale('default', 'Hello', 1)).status).to.equal(200)
    await eventually(async () => (await pidsOf('default')).length === 1, { withinMs: 10_000 })
  })

  it('tells of replicas that died', async () => {
    const [pid] = await pidsOf('default')
    process.kill(Number(pid), 'SIGKILL')
    await eventually(async () => {
      const { recent_dead_replicas: dead } = (await rest.details()).applications['default']?.deployments['Hello'] ?? {}
      return dead?.some((one) => 'pid' in one && one.pid === pid)
    })
    expect(goldenSchema().safeParse(await rest.details()).error?.issues ?? []).to.deep.equal([])
  })

  it('refuses pages of other sites, and names that lead here', async () => {
    const header = (headers: Record<string, string>) =>
      new Promise<number | undefined>((resolve, reject) => {
        const path = `${rest.url}/api/serve/applications/`
        request(path, { method: 'DELETE', headers }, (answer) => resolve(answer.resume().statusCode))
          .on('error', reject)
          .end()
      })
    expect(await header({ host: 'evil.example' })).to.equal(403)
    expect(await header({ origin: 'https://evil.example' })).to.equal(403)
    expect((await rest.details()).applications).to.have.property('a')
  })

  it('stays where it is when the controller is killed, and knows what was declared', async () => {
    const before = await rest.details()
    process.kill(Number(/\(ServeController pid=(\d+)\)/.exec(cluster.stdout())?.[1]), 'SIGKILL')
    // Connections that the dead one had are broken; new ones wait.
    const after = await eventually(() => rest.details().catch(() => undefined), { withinMs: 10_000 })
    expect(after.applications['a']?.deployed_app_config).to.deep.equal(before.applications['a']?.deployed_app_config)
  })

  it('deletes one application, or all of them before it answers', async () => {
    const { status, text } = await rest.ask('DELETE', '/api/v1/applications/a')
    expect(status, text).to.equal(200)
    await eventually(async () => !('a' in (await rest.details()).applications))
    await rest.put({ applications: [application('d')] })
    await rest.becomes('d', 'RUNNING')
    expect(await rest.ask('DELETE', '/api/serve/applications/')).to.deep.equal({ status: 200, text: '' })
    expect((await rest.details()).applications).to.deep.equal({})
    expect((await fetch(`${cluster.url}/d`)).status).to.equal(404)
  })

  it('does not wait for what is declared while it deletes all', async () => {
    const busy = { name: 'busy', route_prefix: '/busy', import_path: 'test/fixtures/fault.mjs:app' }
    await rest.put({ applications: [busy] })
    await rest.becomes('busy', 'RUNNING')
    const leave = new AbortController()
    const waiting = fetch(`${cluster.url}/busy/waiting`, { signal: leave.signal }).catch(() => 'left')
    await eventually(async () => (await (await fetch(`${cluster.url}/busy/counts`)).text()).includes('waiting'))
    const deleted = rest.ask('DELETE', '/api/serve/applications/')
    await rest.becomes('busy', 'DELETING')
    await rest.put({ applications: [application('late')] })
    await rest.becomes('late', 'RUNNING')
    leave.abort()
    expect(await waiting).to.equal('left')
    expect((await deleted).status).to.equal(200)
    expect((await rest.details()).applications).to.have.all.keys('late')
  })
})

describe('a REST API', () => {
  it('that cannot have its port is said in one line, and nothing is started', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    const { port } = server.address() as { port: number }
    const launched = launch('test/fixtures/hello.mjs:app', { args: ['--dashboard-port', String(port)] })
    try {
      expect((await launched.ended).code).to.equal(2)
      expect(launched.stderr()).to.equal(
        `ERROR: cannot listen on 127.0.0.1 port ${port}, which is for the REST API: another process listens there; ` +
          'stop it, or take another port with --dashboard-port (0: any free one)\n',
      )
    } finally {
      server.close()
      await launched.dispose()
    }
  })

  it('that others could reach needs a token', async () => {
    const launched = launch('test/fixtures/hello.mjs:app', { args: ['--dashboard-host', '0.0.0.0'] })
    expect((await launched.ended).code).to.equal(2)
    expect(launched.stderr()).to.match(
      /^ERROR: the REST API on 0\.0\.0\.0 could be used by everybody .*BATOID_AUTH_TOKEN/,
    )
    await launched.dispose()
  })

  it('with a token answers those who know it, and keeps it from user code', async () => {
    const token = 'open-sesame'
    const cluster = await startCluster('test/fixtures/environment.mjs:app', { env: { BATOID_AUTH_TOKEN: token } })
    try {
      const { ask } = await restOf(cluster.session)
      expect((await ask('GET', '/api/serve/applications/')).status).to.equal(401)
      const authorization = `Bearer ${token}`
      expect((await ask('GET', '/api/serve/applications/', undefined, { authorization })).status).to.equal(200)
      expect(await (await fetch(cluster.url)).text()).to.not.contain(token)
      expect(cluster.stdout()).to.not.contain(token)
    } finally {
      await cluster.stop()
      await cluster.dispose()
    }
  })
})
