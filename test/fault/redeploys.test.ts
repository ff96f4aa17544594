import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { stringify } from 'yaml'
import { type Clients, startClients } from '../helpers/clients.ts'
import { type Cluster, startCluster } from '../helpers/cluster.ts'
import { eventually } from '../helpers/eventually.ts'
import { spread } from '../helpers/faults.ts'
import { type InstanceDetails, restOf } from '../helpers/rest.ts'

const MAIN = resolve('dist/cli/main.js')
const EDITS = 20

const NAMES = ['classifier', 'detection', 'failing'] as const
type Name = (typeof NAMES)[number]
type Application = Readonly<Record<string, unknown>>

const deployment = (name: string, options: object) => ({
  deployments: [{ name, ray_actor_options: { num_cpus: 0.1 }, ...options }],
})
const classifier = (options: object) => deployment('ClassifierDeployment', options)
const detection = (options: object) => deployment('LanguageDetection', options)

/** What each application is at first, and each way in which it is edited: all of them run, but for the one that fails. */
const EDITIONS: Readonly<Record<Name, readonly Application[]>> = {
  classifier: [
    classifier({ num_replicas: 2 }),
    classifier({ num_replicas: 3 }),
    classifier({ num_replicas: 2, user_config: { threshold: 0.5 } }),
    { ...classifier({ num_replicas: 2 }), runtime_env: { env_vars: { EDITION: 'next' } } },
  ],
  detection: [
    detection({ num_replicas: 2 }),
    { ...detection({ num_replicas: 2 }), runtime_env: { env_vars: { EDITION: 'next' } } },
    detection({ num_replicas: 2, max_ongoing_requests: 20 }),
    { ...detection({ num_replicas: 2 }), logging_config: { encoding: 'JSON' } },
  ],
  failing: [
    { import_path: 'test/fixtures/factory-throws.ts:app' },
    { import_path: 'test/fixtures/throws-on-load.ts:app' },
    { import_path: 'test/fixtures/syntax-error.ts:app' },
    { import_path: 'test/fixtures/no-such-file.ts:app' },
  ],
}

const COMMON: Readonly<Record<Name, Application>> = {
  classifier: { route_prefix: '/classifier', import_path: 'examples/classifier/main.ts:app' },
  detection: { route_prefix: '/detection', import_path: 'examples/language-detection/main.ts:app' },
  failing: { route_prefix: '/failing' },
}

/** Every application is edited in turn, and goes through all that it can be. */
function editOf(step: number): { readonly edited: Name | undefined; readonly text: string } {
  const edition = (name: Name) => Math.floor((step + NAMES.length - 1 - NAMES.indexOf(name)) / NAMES.length)
  const applications = NAMES.map((name) => {
    const all = EDITIONS[name]
    return { name, ...COMMON[name], ...all[edition(name) % all.length] }
  })
  return { edited: step === 0 ? undefined : NAMES[(step - 1) % NAMES.length], text: stringify({ applications }) }
}

const pidsOf = ({ applications }: InstanceDetails, name: Name): number[] =>
  Object.values(applications[name]?.deployments ?? {})
    .flatMap(({ replicas }) => replicas.map(({ pid }) => pid))
    .toSorted((a, b) => a - b)

/** What a deploy changes: of one that runs when, of one that fails why. */
const outcome = ({ applications }: InstanceDetails, name: Name | undefined) => {
  const { status, message, last_deployed_time_s: atS } = applications[name ?? ''] ?? {}
  return status === 'RUNNING' ? atS : message
}

describe('a configuration of three applications, one of which fails, under load', function () {
  this.timeout(300_000)
  const directory = mkdtempSync(join(tmpdir(), 'batoid-test-'))
  const file = join(directory, 'serve.yaml')
  let cluster: Cluster
  let clients: Clients[] = []

  after(async () => {
    await Promise.all(clients.map((one) => one.stop()))
    await cluster.dispose()
    rmSync(directory, { recursive: true })
  })

  it(`edited and deployed ${EDITS} times, loses no request, and no process of what has not changed`, async () => {
    writeFileSync(file, editOf(0).text)
    cluster = await startCluster(file)
    const rest = await restOf(cluster.session)
    const settled = () =>
      eventually(
        async () => {
          const details = await rest.details()
          const statuses = NAMES.map((name) => details.applications[name]?.status)
          return statuses.join() === 'RUNNING,RUNNING,DEPLOY_FAILED' ? details : undefined
        },
        { withinMs: 60_000 },
      )
    let details = await settled()
    const { origin } = new URL(cluster.url)
    const json = { 'content-type': 'application/json' }
    const body = JSON.stringify({ text: 'def main():\n    print("hello")\n' })
    clients = [
      startClients(`${origin}/classifier/model/predict?input=2`, { count: 6, method: 'POST' }),
      startClients(`${origin}/detection/detect`, { count: 3, method: 'POST', headers: json, body }),
    ]
    const tookMs: number[] = []
    for (let step = 1; step <= EDITS; step += 1) {
      const { edited, text } = editOf(step)
      writeFileSync(file, text)
      const since = performance.now()
      await promisify(execFile)(process.execPath, [MAIN, 'deploy', file, '--session-dir', cluster.session])
      const before = details
      details = await settled()
      tookMs.push(performance.now() - since)
      for (const name of NAMES.filter((one) => one !== edited && one !== 'failing')) {
        expect(pidsOf(details, name), `${name} after edit ${step}, of ${edited}`).to.deep.equal(pidsOf(before, name))
      }
      expect(outcome(details, edited), `edit ${step}`).to.not.equal(outcome(before, edited))
    }
    await Promise.all(clients.map((one) => one.stop()))
    const failed = clients.flatMap((one) => one.failed().map(({ status, text }) => `${status} ${text}`))
    const counts = clients.map(({ told }) => told.length)
    console.log(
      `      ${EDITS} edits, each in ms: ${spread(tookMs)}; ${counts.join(' and ')} requests, ${failed.length} failed`,
    )
    expect(failed).to.deep.equal([])
    expect(Math.min(...counts)).to.be.above(EDITS)
  })
})
