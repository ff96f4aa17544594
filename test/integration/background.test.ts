import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import { join, resolve } from 'node:path'
import { expect } from 'chai'
import { type ClusterOptions, type Launched, launch } from '../helpers/cluster.ts'
import { runCommand, type Said } from '../helpers/command.ts'
import { eventually } from '../helpers/eventually.ts'
import { restOf } from '../helpers/rest.ts'

const MAIN = resolve('dist/cli/main.js')

describe('a cluster in the background', () => {
  let launched: Launched | undefined
  afterEach(async () => {
    await launched?.dispose()
    launched = undefined
  })

  const start = (args: readonly string[], options: ClusterOptions = {}): Launched =>
    (launched = launch(undefined, { ...options, args, command: [process.execPath, MAIN, 'start'] }))
  const run = (target: string, options: ClusterOptions = {}): Launched =>
    (launched = launch(target, { ...options, args: ['--non-blocking', ...(options.args ?? [])] }))
  const shutdown = async (session: string) => summary(await runCommand(['shutdown', '-y', '--session-dir', session]))
  const summary = ({ code, stdout, stderr }: Said) => `${code} ${stdout}${stderr}`
  /** Of the launcher, as its output file names it. */
  const launcherOf = ({ session }: Launched): number =>
    Number(
      readdirSync(join(session, 'logs/output')).flatMap((file) => /^ServeLauncher-(\d+)\.out$/.exec(file)?.[1] ?? []),
    )

  it('is up when start returns, has no terminal, and is gone when shutdown returns', async () => {
    const cluster = start([])
    expect(await cluster.ended).to.deep.equal({ code: 0, signal: null })
    expect(cluster.stdout())
      .to.match(/^\(ProxyActor pid=\d+\) .*Proxy starting on node/m)
      .and.match(/^INFO .* serve \d+ -- Started Serve in namespace "serve"\.$/m)
      .and.contain(
        `with its logs in ${cluster.session}/logs. End it with \`batoid shutdown --session-dir ${cluster.session}\`.`,
      )
    const pid = launcherOf(cluster)
    const [, , , , , kernelSession, terminal] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(' ')
    expect([kernelSession, terminal]).to.deep.equal([String(pid), '0'])
    const rest = await restOf(cluster.session)
    expect(Object.keys((await rest.details()).applications)).to.deep.equal([])
    await rest.put({ applications: [{ import_path: 'test/fixtures/hello.mjs:app' }] })
    await rest.becomes('default', 'RUNNING')
    expect(await shutdown(cluster.session)).to.match(
      /^0 .*Sent shutdown request; .*\n.* The cluster at .* has ended\.\n$/,
    )
    expect(cluster.pids()).to.deep.equal([])
    expect(cluster.log(/^launcher_/)).to.match(
      /WARNING .* Got a request to the REST API to shut down, exiting\.\.\.\n$/,
    )
    expect(await shutdown(cluster.session)).to.match(/^2 ERROR: No Serve instance found running: no cluster runs in /)
  })

  it('serves its applications when run --non-blocking returns, and leaves nothing when its launcher is killed', async () => {
    const cluster = run('test/fixtures/hello.mjs:app')
    expect((await cluster.ended).code).to.equal(0)
    const url = /Application 'default' is ready at (\S+)\.\n/.exec(cluster.stdout())?.[1] ?? ''
    expect(await (await fetch(url)).text()).to.equal('hello')
    process.kill(launcherOf(cluster), 'SIGKILL')
    await eventually(() => cluster.pids().length === 0, { withinMs: 5_000 })
  })

  it('runs what is found in one directory in another one, in its environment', async () => {
    const directories = ['--app-dir', 'test/fixtures', '--working-dir', 'examples']
    const env = ['--runtime-env-json', '{"env_vars": {"WORD": "hi"}, "working_dir": "/"}']
    const cluster = run('configured:app', { args: [...directories, ...env, '--grpc-port', '9000'] })
    expect((await cluster.ended).code, cluster.stderr()).to.equal(0)
    const url = /is ready at (\S+)\.\n/.exec(cluster.stdout())?.[1] ?? ''
    expect(await (await fetch(url)).json()).to.include({ word: 'hi', dir: resolve('examples') })
    expect(await shutdown(cluster.session)).to.match(/^0 /)
  })

  it('has no proxies where they are disabled', async () => {
    const cluster = start(['--proxy-location', 'Disabled'])
    expect((await cluster.ended).code).to.equal(0)
    const { text } = await (await restOf(cluster.session)).ask('GET', '/api/serve/applications/')
    expect(JSON.parse(text)).to.deep.include({ proxy_location: 'Disabled', proxies: {} })
    expect(await shutdown(cluster.session)).to.match(/^0 /)
  })

  for (const [what, target, code, says] of [
    ['a module that throws', 'test/fixtures/throws-on-load.ts:app', 3, /^ERROR: cannot run .*throws-on-load/m],
    [
      'a factory that throws',
      'test/fixtures/factory-throws.ts:app',
      3,
      /^ERROR: Deploying application 'default' failed/m,
    ],
    ['an import path that is none', 'main', 2, /^ERROR: Got invalid import path "main"/m],
  ] as const) {
    it(`leaves nothing of ${what}, and says what is wrong as in the foreground`, async () => {
      const cluster = run(target)
      expect(await cluster.ended).to.deep.equal({ code, signal: null })
      expect(cluster.stderr()).to.match(says)
      expect(cluster.pids()).to.deep.equal([])
    })
  }

  it('says that a port is taken', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await new Promise((settle) => taken.once('listening', settle))
    const { port } = taken.address() as { port: number }
    const cluster = start(['--http-port', String(port)])
    expect((await cluster.ended).code).to.equal(2)
    expect(cluster.stderr()).to.match(/^ERROR: cannot listen on 127\.0\.0\.1 port \d+/)
    taken.close()
  })

  it('goes on when nobody reads any more what its command says', async () => {
    const cluster = run('test/fixtures/hello.mjs:app')
    await eventually(() => cluster.stdout() !== '', { withinMs: 20_000 })
    cluster.child.stdout?.destroy()
    expect((await cluster.ended).code).to.equal(0)
    const url = /is ready at (\S+)\.\n/.exec(cluster.log(/^launcher_/))?.[1] ?? ''
    expect(await (await fetch(url)).text()).to.equal('hello')
    expect(await shutdown(cluster.session)).to.match(/^0 /)
  })

  it('is the one that commands mean without being told, also after another one could not start', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'batoid-test-'))
    const batoid = async (...args: string[]) => summary(await runCommand(args, { TMPDIR: directory }))
    try {
      expect(await batoid('start', '--http-port', '0', '--dashboard-port', '0')).to.match(
        /^0 .*with `batoid shutdown`\./s,
      )
      const health = JSON.parse((await batoid('controller-health', '--json')).slice(2)) as { uptime_s: number }
      expect(health.uptime_s).to.be.greaterThan(0)
      const latest = readlinkSync(join(directory, `batoid-${userInfo().username}/session_latest`))
      const { port } = new URL(readFileSync(join(latest, 'dashboard'), 'utf8'))
      expect(await batoid('start', '--http-port', '0', '--dashboard-port', port)).to.match(/^2 .*ERROR: cannot listen/s)
    } finally {
      expect(await batoid('shutdown', '-y')).to.match(/^0 .*has ended\.\n$/s)
      rmSync(directory, { recursive: true })
    }
  })

  for (const [what, signal] of [
    ['Ctrl-C', 'SIGINT'],
    ['its death', 'SIGKILL'],
  ] as const) {
    it(`ends with the command that waits for it: ${what}`, async () => {
      const cluster = run('test/fixtures/slow-module.mjs:app')
      await eventually(() => cluster.stdout().includes('Started Serve'), { withinMs: 20_000 })
      cluster.signal(signal)
      expect(await cluster.ended).to.deep.equal(
        signal === 'SIGINT' ? { code: 130, signal: null } : { code: null, signal: 'SIGKILL' },
      )
      await eventually(() => cluster.pids().length === 0, { withinMs: 5_000 })
      expect(readdirSync(cluster.session)).to.deep.equal(['logs'])
    })
  }

  it('ends with the command that waits for it, also while it has not begun', async () => {
    const cluster = run('test/fixtures/hello.mjs:app')
    await eventually(() => launcherOf(cluster) > 0)
    cluster.signal('SIGKILL')
    await cluster.ended
    await eventually(() => cluster.pids().length === 0, { withinMs: 5_000 })
  })

  it('is not reloaded', async () => {
    const cluster = run('test/fixtures/hello.mjs:app', { args: ['--reload'] })
    expect((await cluster.ended).code).to.equal(2)
    expect(cluster.stderr()).to.equal('ERROR: The --non-blocking option conflicts with the --reload option.\n')
  })
})
