import { existsSync, mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import type { Contestant, Pids, Site } from '../contestants.ts'
import { versionOf } from '../machine.ts'
import { commandLine, freePort } from '../processes.ts'

/** Everything below `name`, told apart by what its command line says. */
function pidsBy({ processes }: Site, name: string, hop: RegExp, replica: RegExp): Pids {
  const all = processes.tree(name).map((pid) => ({ pid, command: commandLine(pid) }))
  const matching = (pattern: RegExp) => all.filter(({ command }) => pattern.test(command)).map(({ pid }) => pid)
  const [hops, replicas] = [matching(hop), matching(replica)]
  const rest = all.map(({ pid }) => pid).filter((pid) => ![...hops, ...replicas].includes(pid))
  return { hop: hops, replicas, rest }
}

export const pm2: Contestant = {
  id: 'PM2',
  what: 'cluster mode, two processes, no hop',
  inDepth: false,
  toInstall: 'npm install --global pm2',
  version: () => versionOf('pm2-runtime', '--version'),
  async start({ directory, processes, server }) {
    const port = await freePort()
    const env = { PM2_HOME: join(directory, 'pm2'), PM2_DISABLE_VERSION_CHECK: 'true', PORT: String(port) }
    processes.start({ name: 'pm2', args: ['pm2-runtime', 'start', server('replica'), '-i', '2'], env })
    return port
  },
  pids: (site) => pidsBy(site, 'pm2', /^(?!)/, /replica\.js/),
}

/** Where the package of a command on PATH and its neighbours lie: `node_modules/wattpm/bin/wattpm.js`, linked to. */
function modulesOf(command: string): string | undefined {
  const found = (process.env['PATH'] ?? '').split(delimiter).map((directory) => join(directory, command))
  const file = found.find((path) => existsSync(path))
  return file === undefined ? undefined : /^.*\/node_modules(?=\/)/.exec(realpathSync(file))?.[0]
}

const schema = (name: string) => `https://schemas.platformatic.dev/@platformatic/${name}/2.75.0.json`

export const watt: Contestant = {
  id: 'Watt',
  what: 'its gateway before one application with two workers',
  inDepth: false,
  toInstall: 'npm install --global wattpm@2.75.2 @platformatic/node@2.75.2 @platformatic/composer@2.75.0',
  readyMs: 60_000,
  version: () => (modulesOf('wattpm') === undefined ? undefined : versionOf('wattpm', 'version')),
  async start({ directory, processes, server }) {
    const port = await freePort()
    const root = join(directory, 'watt')
    const applications = [
      { id: 'hello', path: './hello', workers: 2 },
      { id: 'gateway', path: './gateway' },
    ]
    const composer = { services: [{ id: 'hello', proxy: { prefix: '/' } }], refreshTimeout: 0 }
    const files = {
      'package.json': { name: 'watt', type: 'module', workspaces: ['hello', 'gateway'] },
      'watt.json': {
        $schema: schema('runtime'),
        server: { hostname: '127.0.0.1', port },
        entrypoint: 'gateway',
        web: applications,
        logger: { level: 'error' },
        metrics: false,
        watch: false,
      },
      'hello/package.json': { name: 'hello', type: 'module', main: 'index.js' },
      'hello/watt.json': { $schema: schema('node') },
      'gateway/platformatic.json': { $schema: schema('composer'), composer },
    }
    for (const { path } of applications) mkdirSync(join(root, path), { recursive: true })
    for (const [file, content] of Object.entries(files)) writeFileSync(join(root, file), JSON.stringify(content))
    // It puts its own address in place of the port.
    writeFileSync(
      join(root, 'hello/index.js'),
      `process.env.PORT = '1'\nawait import(${JSON.stringify(server('replica'))})\n`,
    )
    symlinkSync(modulesOf('wattpm') ?? '', join(root, 'node_modules'))
    processes.start({ name: 'watt', args: ['wattpm', 'start'], cwd: root })
    return port
  },
  // Gateway and workers are threads of one process.
  pids: (site) => pidsBy(site, 'watt', /./, /^(?!)/),
}

const RAY_APPLICATION = `from fastapi import FastAPI
from fastapi.responses import PlainTextResponse
from ray import serve

api = FastAPI()

@serve.deployment(num_replicas=2, max_ongoing_requests=100, ray_actor_options={"num_cpus": 0.1})
@serve.ingress(api)
class Hello:
    @api.get("/")
    def hello(self):
        return PlainTextResponse("Hello, world!")

app = Hello.bind()
`

export const rayServe: Contestant = {
  id: 'Ray Serve',
  what: 'its proxy before two replicas with FastAPI',
  inDepth: false,
  toInstall: 'pip install "ray[serve]"',
  readyMs: 120_000,
  version: () => versionOf('ray', '--version'),
  async start({ directory, processes }) {
    const port = await freePort()
    const root = join(directory, 'ray')
    mkdirSync(root)
    const applications = [{ name: 'default', route_prefix: '/', import_path: 'hello:app' }]
    writeFileSync(join(root, 'hello.py'), RAY_APPLICATION)
    // JSON is YAML.
    const config = { http_options: { host: '127.0.0.1', port }, applications }
    writeFileSync(join(root, 'serve.yaml'), JSON.stringify(config))
    const env = { RAY_USAGE_STATS_ENABLED: '0', RAY_TMPDIR: root, PYTHONPATH: root }
    processes.start({ name: 'ray', args: ['serve', 'run', 'serve.yaml'], cwd: root, env })
    return port
  },
  pids: (site) => pidsBy(site, 'ray', /^ray::ProxyActor/, /^ray::ServeReplica/),
}
