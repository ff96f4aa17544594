import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import { join, resolve } from 'node:path'
import { expect } from 'chai'
import { type Launched, launch } from '../helpers/cluster.ts'
import { runCommand } from '../helpers/command.ts'
import { eventually } from '../helpers/eventually.ts'
import { type InstanceDetails, restOf } from '../helpers/rest.ts'

const MAIN = resolve('dist/cli/main.js')
const MODULE = 'test/fixtures/configured.mjs'

describe('the commands for a cluster that runs', () => {
  const directory = mkdtempSync(join(tmpdir(), 'batoid-test-'))
  let cluster: Launched
  let rest: Awaited<ReturnType<typeof restOf>>

  /** Runs a command in a place where the cluster is the one that was started last. */
  const batoid = (...args: string[]) => runCommand(args, { TMPDIR: directory })
  const ok = async (...args: string[]) => {
    const said = await batoid(...args)
    expect(said.code, `${args.join(' ')}: ${said.stderr}`).to.equal(0)
    return said.stdout
  }
  const pids = (details: InstanceDetails) =>
    Object.values(details.applications).flatMap(({ deployments }) =>
      Object.values(deployments).flatMap(({ replicas }) => replicas.map(({ pid }) => pid)),
    )

  before(async () => {
    cluster = launch('start', { command: [process.execPath, MAIN], args: ['--blocking'] })
    rest = await restOf(cluster.session)
    const root = join(directory, `batoid-${userInfo().username}`)
    mkdirSync(root)
    symlinkSync(cluster.session, join(root, 'session_latest'))
    await eventually(() => cluster.stdout().includes('Started Serve'), { withinMs: 20_000 })
  })
  after(async () => {
    await cluster.dispose()
    rmSync(directory, { recursive: true })
  })

  it('show nothing of a cluster that has nothing', async () => {
    expect(await ok('status')).to.match(
      /^proxies:\n {2}[0-9a-f]{56}: HEALTHY\napplications: \{\}\ntarget_capacity: null\n$/,
    )
    expect(await ok('config')).to.equal('No configuration was found.\n')
    expect(await ok('config', '-n', 'x')).to.equal('No config has been deployed for application "x".\n')
  })

  it('deploy an import path with arguments, and its configuration changes nothing', async () => {
    const said = await ok('deploy', `${MODULE}:built`, 'word=hi', '--route-prefix', '/tell')
    expect(said)
      .to.contain(`Deploying from import path: '${MODULE}:built'.`)
      .and.contain('Sent deploy request successfully.')
    await rest.becomes('default', 'RUNNING')
    const before = pids(await rest.details())
    const file = join(directory, 'again.yaml')
    writeFileSync(file, `applications:\n- ${(await ok('config')).trimEnd().replaceAll('\n', '\n  ')}\n`)
    expect(await ok('deploy', file)).to.contain(`Deploying from config file: '${file}'.`)
    await rest.becomes('default', 'RUNNING')
    expect(pids(await rest.details())).to.deep.equal(before)
  })

  it('build what deploy takes, and what changes nothing', async () => {
    await ok('deploy', `${MODULE}:app`)
    await eventually(
      async () => {
        const { applications } = await rest.details()
        return applications['default']?.status === 'RUNNING' && pids(await rest.details()).length === 2
      },
      { withinMs: 20_000 },
    )
    const before = pids(await rest.details())
    const file = join(directory, 'built.yaml')
    await ok('build', `${MODULE}:app`, '-o', file)
    expect(readFileSync(file, 'utf8')).to.match(/^# This file was generated using the `batoid build` command/)
    await ok('deploy', file)
    await rest.becomes('default', 'RUNNING')
    expect(pids(await rest.details())).to.deep.equal(before)
  })

  it('deploy an import path with the environment and the directory of its replicas', async () => {
    const file = join(directory, 'env.yaml')
    writeFileSync(file, `env_vars: {WORD: from-file}\nworking_dir: ${directory}\n`)
    const target = `${resolve(MODULE)}:app`
    await ok('deploy', target, '--runtime-env', file, '--working-dir', tmpdir())
    await rest.becomes('default', 'RUNNING')
    const port = /HTTP port: (\d+)/.exec(cluster.log(/^proxy/))?.[1]
    await eventually(async () => {
      const told = (await (await fetch(`http://127.0.0.1:${port}/`)).json()) as object
      expect(told).to.include({ word: 'from-file', dir: tmpdir() })
      return true
    })
    expect((await batoid('deploy', target, '--runtime-env-json', '{"env_vars": {"A": 1}}')).stderr).to.match(
      /^ERROR: --runtime-env-json:1:20: env_vars\.A: must be text/,
    )
    const both = await batoid('deploy', target, '--runtime-env', file, '--runtime-env-json', '{}')
    expect(both.stderr).to.equal('ERROR: Only one of --runtime-env and --runtime-env-json can be provided.\n')
    const config = await batoid('deploy', 'serve.yaml', 'a=1', '--name', 'x', '--working-dir', '/')
    expect([config.code, config.stderr]).to.deep.equal([
      2,
      'ERROR: arguments and --name and --working-dir cannot be given with a configuration (serve.yaml): ' +
        'write args, name, route_prefix and runtime_env into it, of each application\n',
    ])
  })

  it('build from another directory what can be deployed from this one', async () => {
    const said = await ok('build', 'configured:app', '-d', 'test/fixtures')
    expect(said).to.contain('import_path: test/fixtures/configured:app')
    const grpc = await batoid('build', 'configured:app', '--grpc-servicer-functions', 'x')
    expect([grpc.code, grpc.stderr]).to.satisfy(
      ([code, text]: [number, string]) => code === 2 && text.includes('batoid has no gRPC: leave them out'),
    )
  })

  it('show how the controller does', async () => {
    expect(await ok('controller-health')).to.match(/^timestamp: \d+.*\nuptime_s: \d/s)
    expect(JSON.parse(await ok('controller-health', '--json'))).to.include.keys(
      'num_control_loops',
      'process_memory_mb',
    )
  })

  it('print for machines what they print for people', async () => {
    const all = JSON.parse(await ok('status', '--json')) as { applications: Record<string, { status: string }> }
    expect(all.applications['default']?.status).to.equal('RUNNING')
    expect(JSON.parse(await ok('status', '--json', '-n', 'default'))).to.have.property('status', 'RUNNING')
    expect(JSON.parse(await ok('config', '--json'))).to.have.nested.property('[0].name', 'default')
  })

  it('scale what may be scaled', async () => {
    expect((await batoid('scale', 'default', 'Teller', '1')).stderr).to.match(
      /^ERROR: external_scaler_enabled .* is false/,
    )
    const file = join(directory, 'scaled.yaml')
    writeFileSync(file, `applications: [{import_path: '${MODULE}:app', external_scaler_enabled: true}]`)
    await ok('deploy', file)
    await rest.becomes('default', 'RUNNING')
    await ok('scale', 'default', 'Teller', '1')
    await eventually(async () => pids(await rest.details()).length === 1, { withinMs: 10_000 })
    expect((await batoid('scale', 'default', 'Teller', 'x')).code).to.equal(2)
  })

  it('print the logs, of a request or a replica alone, and go on with what is added', async () => {
    const follower = spawn(process.execPath, [MAIN, 'logs', '-f', '--app', 'default', '--session-dir', cluster.session])
    let followed = ''
    follower.stdout.on('data', (data: Buffer) => (followed += data.toString()))
    await eventually(() => followed.includes('Finished initializing replica.'), { withinMs: 10_000 })
    const { applications } = await rest.details()
    const url = /HTTP port: (\d+)/.exec(cluster.log(/^proxy/))?.[1]
    await fetch(`http://127.0.0.1:${url}/`, { headers: { 'x-request-id': 'the-one' } })
    await eventually(() => /the-one -- GET \/ 200/.test(followed))
    expect(followed).to.not.contain('proxy')
    follower.kill('SIGINT')
    expect(await new Promise((settle) => follower.once('exit', settle))).to.equal(0)
    const one = (await ok('logs', '--request', 'the-one')).trim().split('\n')
    expect(one).to.have.lengthOf(3)
    expect(one.filter((line) => line.includes(' proxy '))).to.have.lengthOf(1)
    expect(applications).to.have.property('default')
    expect(await ok('logs', '--replica', 'xxxxxxxx')).to.equal('')
  })

  it('say what is wrong, and what may have been meant', async () => {
    const unknown = await batoid('staus')
    expect([unknown.code, unknown.stderr]).to.deep.equal([
      2,
      "error: unknown command 'staus'\n(Did you mean status?)\n(run with --help to see what there is)\n",
    ])
    const { code, stderr } = await batoid('status', '-n', 'defualt')
    expect([code, stderr]).to.deep.equal([2, 'ERROR: Application "defualt" does not exist. Did you mean "default"?\n'])
    const scaled = await batoid('scale', 'default', 'Tell', '1')
    expect(scaled.stderr).to.equal(
      'ERROR: Deployment "Tell" of application "default" does not exist. Did you mean "Teller"?\n',
    )
    const closed = createServer().listen(0, '127.0.0.1')
    await new Promise((settle) => closed.once('listening', settle))
    const { port } = closed.address() as { port: number }
    await new Promise((settle) => closed.close(settle))
    const nowhere = await batoid('status', '--address', `http://127.0.0.1:${port}`)
    expect(nowhere.code).to.equal(2)
    expect(nowhere.stderr).to.match(/^ERROR: no cluster answers at http:\/\/127\.0\.0\.1:\d+: .*ECONNREFUSED/)
    expect((await batoid('status', '--session-dir', directory)).stderr).to.match(/^ERROR: no cluster runs in /)
    const wrong = join(directory, 'wrong.yaml')
    writeFileSync(wrong, 'applications:\n- import_path: a:b\n  route_prefx: /x\n')
    expect((await batoid('deploy', wrong)).stderr).to.match(/wrong\.yaml:3:3: .*did you mean 'route_prefix'\?/)
  })

  it('delete one application, or end the cluster, once they are told to be sure', async () => {
    expect((await batoid('delete', 'none', '-y')).code).to.equal(2)
    expect((await batoid('delete', 'default')).code).to.equal(2)
    expect((await rest.details()).applications).to.have.property('default')
    await ok('delete', 'default', '-y')
    await eventually(async () => Object.keys((await rest.details()).applications).length === 0)
    await ok('deploy', `${MODULE}:app`)
    await rest.becomes('default', 'RUNNING')
    expect((await batoid('shutdown')).code).to.equal(2)
    expect(await ok('shutdown', '-y', '--address', rest.url)).to.match(/Sent shutdown request.*\n.* has ended\.\n$/)
    expect(await cluster.ended).to.deep.equal({ code: 0, signal: null })
    const { code, stderr } = await batoid('shutdown', '-y', '--address', rest.url)
    expect(code).to.equal(2)
    expect(stderr).to.match(
      /^ERROR: No Serve instance found running on the cluster at http:\S+: no cluster answers at /,
    )
  })
})
