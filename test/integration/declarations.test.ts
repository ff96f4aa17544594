import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { type Cluster, startCluster } from '../helpers/cluster.ts'
import { eventually } from '../helpers/eventually.ts'
import { killAndReplace, pidOf } from '../helpers/faults.ts'
import { restOf } from '../helpers/rest.ts'

const quick = {
  name: 'quick',
  route_prefix: '/quick',
  import_path: 'test/fixtures/hello.mjs:app',
  external_scaler_enabled: true,
}
/** Its module takes three seconds to load, so that all of this comes before it is built. */
const slow = { name: 'slow', route_prefix: '/slow', import_path: 'test/fixtures/slow-module.mjs:app' }

describe('while what is declared is being built', () => {
  let cluster: Cluster
  let rest: Awaited<ReturnType<typeof restOf>>

  const start = async (target: string) => {
    cluster = await startCluster(target, { env: { BATOID_NUM_CPUS: '20' } })
    rest = await restOf(cluster.session)
  }
  afterEach(async () => {
    expect((await cluster.stop()).code).to.equal(0)
    await cluster.dispose()
  })

  const putBoth = async () => {
    expect((await rest.put({ applications: [quick, slow] })).status).to.equal(200)
    await rest.becomes('quick', 'RUNNING')
    expect((await rest.details()).applications['slow']?.status).to.equal('DEPLOYING')
  }
  const pids = async (name: string) => {
    const { deployments } = (await rest.details()).applications[name] ?? {}
    return Object.values(deployments ?? {})
      .flatMap(({ replicas }) => replicas.map(({ pid }) => pid))
      .toSorted((a, b) => a - b)
  }

  it('what is deleted or scaled stays so when the rest is built', async () => {
    await start('test/fixtures/configured.mjs:app')
    const gone = { ...quick, name: 'gone', route_prefix: '/gone' }
    await rest.put({ applications: [quick, gone, slow] })
    await Promise.all([rest.becomes('quick', 'RUNNING'), rest.becomes('gone', 'RUNNING')])
    const [deployment] = Object.keys((await rest.details()).applications['quick']?.deployments ?? {})
    const scale = `/api/v1/applications/quick/deployments/${deployment}/scale`
    expect((await rest.ask('POST', scale, { target_num_replicas: 2 })).status).to.equal(200)
    expect((await rest.ask('DELETE', '/api/v1/applications/gone')).status).to.equal(200)
    expect((await rest.details()).applications['slow']?.status).to.equal('DEPLOYING')
    await rest.becomes('slow', 'RUNNING')
    expect(await pids('quick')).to.have.length(2)
    expect((await rest.details()).applications).to.have.all.keys('default', 'quick', 'slow')
  })

  it('a controller that is killed has a successor that goes on building', async () => {
    await start('test/fixtures/configured.mjs:app')
    await putBoth()
    const before = await pids('quick')
    await killAndReplace(cluster, 'ServeController')
    await eventually(
      async () => (await rest.details().catch(() => undefined))?.applications['slow']?.status === 'RUNNING',
      {
        withinMs: 20_000,
      },
    )
    expect(await pids('quick')).to.deep.equal(before)
    expect((await fetch(new URL('/slow', cluster.url))).status).to.equal(200)
  })

  it('what is declared later counts, also when it was the launcher that builds', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'batoid-test-'))
    try {
      const file = join(directory, 'serve.yaml')
      writeFileSync(file, JSON.stringify({ applications: [quick, slow] }))
      await start(file)
      const later = { ...quick, name: 'later', route_prefix: '/later' }
      await rest.put({ applications: [later, { ...slow, name: 'other' }] })
      await rest.becomes('other', 'RUNNING')
      expect((await rest.details()).applications).to.have.all.keys('later', 'other')
    } finally {
      rmSync(directory, { recursive: true })
    }
  })

  it('nothing more is declared once the controller leaves', async () => {
    await start('test/fixtures/fault.mjs:app')
    const leave = new AbortController()
    const waiting = fetch(`${cluster.url}/waiting`, { signal: leave.signal }).catch(() => 'left')
    await eventually(async () => (await (await fetch(`${cluster.url}/counts`)).text()).includes('waiting'))
    process.kill(await pidOf(cluster, 'ServeController'), 'SIGTERM')
    await eventually(async () => (await rest.put({ applications: [quick] })).status === 503)
    leave.abort()
    expect(await waiting).to.equal('left')
    await eventually(async () => (await fetch(cluster.url).catch(() => undefined))?.status === 200, {
      withinMs: 20_000,
    })
  })
})
