import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { configJsonSchema } from '../../shared/config/json-schema.ts'
import { type ClusterOptions, type Launched, launch, startCluster } from '../helpers/cluster.ts'
import { eventually } from '../helpers/eventually.ts'

const MODULE = 'test/fixtures/configured.mjs'

interface Told {
  readonly args: unknown
  readonly config: unknown
  readonly word: string | null
  readonly dir: string
  readonly pid: number
}

async function ask(url: string): Promise<Told> {
  return (await (await fetch(url)).json()) as Told
}

/** The port that the proxies were given. */
const portOf = (launched: Launched): string => /at http:\/\/127\.0\.0\.1:(\d+)/.exec(launched.stdout())?.[1] ?? ''

describe('batoid run with a configuration', () => {
  const directory = mkdtempSync(join(tmpdir(), 'batoid-test-'))
  const running: Launched[] = []
  after(() => rmSync(directory, { recursive: true }))
  afterEach(async () => {
    for (const launched of running.splice(0)) {
      launched.signal('SIGINT')
      await launched.ended
      await launched.dispose()
    }
  })

  function run(text: string | Buffer, options: ClusterOptions = {}): Launched {
    const file = join(directory, 'serve.yaml')
    writeFileSync(file, text)
    const launched = launch(file, options)
    running.push(launched)
    return launched
  }
  const ready = (launched: Launched, ...names: string[]) =>
    eventually(() => names.every((name) => launched.stdout().includes(`Application '${name}' is ready`)), {
      withinMs: 25_000,
    })

  it('runs several applications, each with its own; one that fails leaves the others alone', async () => {
    mkdirSync(join(directory, 'elsewhere'))
    const launched = run(`applications:
- name: one
  route_prefix: /one
  import_path: ${MODULE}:built
  args: {size: 3}
  runtime_env: {env_vars: {WORD: hello}}
  deployments:
  - {name: Teller, num_replicas: 1, user_config: {limit: 5}}
- name: two
  route_prefix: /two
  import_path: ${process.cwd()}/${MODULE}:app
  runtime_env: {working_dir: ${directory}/elsewhere, env_vars: {WORD: of the application}}
  deployments:
  - {name: Teller, ray_actor_options: {num_cpus: 0.1, runtime_env: {env_vars: {WORD: of the deployment}}}}
- name: three
  route_prefix: /three
  import_path: ${MODULE}:throws
- name: hidden
  route_prefix: null
  import_path: ${MODULE}:app
`)
    await ready(launched, 'one', 'two', 'hidden')
    const url = `http://127.0.0.1:${portOf(launched)}`
    expect(await ask(`${url}/one`)).to.deep.include({ args: { size: 3 }, word: 'hello', config: { limit: 5 } })
    expect(await ask(`${url}/two`)).to.deep.include({
      args: null,
      word: 'of the deployment',
      dir: `${directory}/elsewhere`,
    })
    expect((await fetch(`${url}/three`)).status).to.equal(404)
    await eventually(() => launched.stdout().includes("Deploying app 'three' failed with exception:"))
    const out = launched.stdout()
    expect(out).to.match(/INFO cli\/program\.ts -- Running config file: '.*serve\.yaml'\.\n/)
    expect(out).to.match(/TypeError: no such model\n +at .*configured\.mjs/)
    expect(out).to.contain("Deployment(name='Teller', app='one') (initial target replicas: 1)")
    expect(out).to.contain("Deployment(name='Teller', app='two') (initial target replicas: 2)")
    expect(out).to.contain("Application 'hidden' is ready.\n")
  })

  it('ends when all applications fail, with the exit code of the first', async () => {
    const launched = run(`applications: [{import_path: "${MODULE}:throws"}]`)
    expect((await launched.ended).code).to.equal(3)
    expect(launched.stderr()).to.match(
      /ERROR: cannot run '.*configured\.mjs:throws': throws\(\) of .* threw: TypeError: no such model/,
    )
  })

  it('says where everything is that is wrong, and starts nothing', async () => {
    const launched = run('applications:\n- import_path: a:b\n  route_prefx: /a\n')
    expect((await launched.ended).code).to.equal(2)
    expect(launched.stderr()).to.match(
      /^ERROR: .*serve\.yaml:3:3: applications\.0\.route_prefx: Extra inputs are not permitted; did you mean 'route_prefix'\?\n$/,
    )
    expect(readdirSync(join(launched.session, 'logs/serve'))).to.deep.equal([])
  })

  it('is UTF-8', async () => {
    const launched = run(Buffer.from('applications: [{name: caf\xe9, import_path: a:b}]\n', 'latin1'))
    expect((await launched.ended).code).to.equal(2)
    expect(launched.stderr()).to.match(/^ERROR: the configuration file .*serve\.yaml is not UTF-8\n$/)
  })

  it('takes host and port from the file, unless a flag or a variable says otherwise', async () => {
    const text = `http_options: {port: 1, keep_alive_timeout_s: 7}\napplications: [{import_path: "${MODULE}:app"}]`
    const launched = run(text, { args: ['--http-host', 'localhost'] })
    await ready(launched, 'default')
    expect(launched.stdout()).to.match(/ready at http:\/\/localhost:\d{2,}\//)
    const port = /localhost:(\d+)/.exec(launched.stdout())?.[1]
    const response = await fetch(`http://localhost:${port}/`)
    expect(response.headers.get('keep-alive')).to.equal('timeout=7')
  })

  it('runs without HTTP when proxies are disabled', async () => {
    const launched = run(`proxy_location: Disabled\napplications: [{import_path: "${MODULE}:app"}]`)
    await ready(launched, 'default')
    expect(launched.stdout()).to.not.contain('ProxyActor')
  })

  it('logs JSON with Ray’s keys into the files, text on the terminal, and access lines only where they are wanted', async () => {
    const logs = join(directory, 'logs')
    const launched = run(`applications:
- name: json
  route_prefix: /json
  import_path: ${MODULE}:app
  logging_config: {encoding: JSON}
  deployments: [{name: Teller, num_replicas: 1}]
- name: quiet
  route_prefix: /quiet
  import_path: ${MODULE}:app
  deployments:
  - {name: Teller, num_replicas: 1, logging_config: {enable_access_log: false, log_level: error, logs_dir: ${logs}}}
`)
    await ready(launched, 'json', 'quiet')
    const url = `http://127.0.0.1:${portOf(launched)}`
    const { pid } = await ask(`${url}/json`)
    await ask(`${url}/quiet`)
    const lines = () =>
      launched
        .log(/^replica_json/)
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line) as Record<string, unknown>)
    await eventually(() => lines().some(({ route }) => route !== undefined))
    const [print, access] = lines().filter((line) => 'request_id' in line)
    expect(access).to.include({
      levelname: 'INFO',
      process: pid,
      component_name: 'replica',
      application: 'json',
      deployment: 'json_Teller',
      route: '/json/',
    })
    expect(access?.['message']).to.match(/^GET \/json\/ 200 \d+\.\dms$/)
    expect(access?.['actor_name']).to.equal(`SERVE_REPLICA::json#Teller#${String(access?.['replica'])}`)
    expect(access).to.have.property('filename').that.matches(/\.js$/)
    expect(access).to.have.property('lineno').that.is.above(0)
    const source = readFileSync(MODULE, 'utf8').split('\n')
    const lineno = source.findIndex((line) => line.includes("console.log('asked')")) + 1
    const where = { filename: 'configured.mjs', lineno }
    expect(print).to.include({ message: 'asked', request_id: access?.['request_id'], ...where })
    await eventually(() => / -- GET \/json\/ 200 /.test(launched.stdout()))
    const quiet = () =>
      readdirSync(logs)
        .map((file) => readFileSync(join(logs, file), 'utf8'))
        .join('')
    await eventually(() => quiet().includes('-- asked'))
    expect(quiet()).to.not.match(/GET|initializing/)
    expect(launched.stdout()).to.not.contain('GET /quiet/')
  })

  it('refuses what belongs into the file', async () => {
    const launched = run('applications: []', { args: ['--name', 'x', 'a=b'] })
    expect((await launched.ended).code).to.equal(2)
    expect(launched.stderr()).to.match(/ERROR: arguments and --name cannot be given with a configuration/)
  })

  it('may be code', async () => {
    const launched = launch('test/fixtures/batoid.config.ts')
    running.push(launched)
    await ready(launched, 'default')
    expect((await ask(`http://127.0.0.1:${portOf(launched)}`)).args).to.deep.equal({ from: 'code' })
    expect(launched.log(/^replica/)).to.not.contain('initializing')
  })

  it('in code is checked like a file', async () => {
    const launched = launch('test/fixtures/wrong.config.mjs')
    running.push(launched)
    expect((await launched.ended).code).to.equal(2)
    expect(launched.stderr()).to.equal(
      "ERROR: test/fixtures/wrong.config.mjs: applications.0.route_prefix: Extra inputs are not permitted; did you mean 'routePrefix'?\n",
    )
  })
})

describe('batoid run with arguments', () => {
  it('calls the function that the import path leads to', async () => {
    const cluster = await startCluster(`${MODULE}:checked`, { args: ['count=3'] })
    try {
      expect((await ask(cluster.url)).args).to.deep.equal({ count: 3 })
    } finally {
      await cluster.stop()
      await cluster.dispose()
    }
  })

  const mistakes: [string, string, readonly string[], number, RegExp][] = [
    ['that do not fit', 'checked', ['count=many'], 2, /does not take these arguments: count: /],
    ['for an application', 'app', ['a=b'], 2, /export 'app' of .* takes no arguments; export a function instead/],
    ['that are none', 'built', ['a'], 2, /Invalid application argument 'a', must be of the form '<key>=<val>'\./],
    [
      'of a function that returns none',
      'unbound',
      [],
      3,
      /unbound\(\) of .* returned .*; did you forget \.bind\(\)\?$/,
    ],
  ]
  for (const [what, name, args, code, says] of mistakes) {
    it(`refuses arguments ${what}`, async () => {
      const launched = launch(`${MODULE}:${name}`, { args })
      try {
        expect((await launched.ended).code).to.equal(code)
        expect(launched.stderr().trimEnd()).to.match(says)
      } finally {
        await launched.dispose()
      }
    })
  }
})

describe('batoid schema', () => {
  it('prints the JSON schema', () => {
    const text = execFileSync(process.execPath, ['dist/cli/main.js', 'schema'], { encoding: 'utf8' })
    expect(JSON.parse(text)).to.deep.equal(configJsonSchema())
  })
})
