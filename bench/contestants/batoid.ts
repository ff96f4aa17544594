import { mkdirSync, readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { serveChannel } from '../../controller/channel-server.ts'
import { systemClock } from '../../shared/clock.ts'
import { newReplicaId } from '../../shared/ids.ts'
import type { Hello, Route } from '../../shared/protocol.ts'
import { controllerSocket, outputDirectory } from '../../shared/session.ts'
import { VERSION } from '../../shared/version.ts'
import { routeTo } from '../../test/helpers/route.ts'
import type { Contestant, Pids, Site } from '../contestants.ts'
import { freePort, isAlive } from '../processes.ts'
import { upstreamPids } from './node.ts'

const LAUNCHER = resolve('dist/cli/main.js')
const PROXY = resolve('dist/proxy/main.js')

const PORTS = ['--dashboard-port', '0', '--http-port'] as const

/** The arguments that run `target` of servers/app.ts as a user would, compiled. */
export function runArgs(site: Site, { target, port, session }: { target: string; port: number; session: string }) {
  const app = `${site.server('app')}:${target}`
  return [process.execPath, LAUNCHER, 'run', app, ...PORTS, String(port), '--session-dir', session] as const
}

/** By the files of their output: replicas whose controller has died are nobody's children. */
export function clusterPids({ processes }: Site, { name, session }: { name: string; session: string }): Pids {
  const running = (prefix: string): readonly number[] =>
    outputs(session)
      .map((file) => new RegExp(`^${prefix}.*-(\\d+)\\.out$`).exec(file)?.[1])
      .filter((pid) => pid !== undefined)
      .map(Number)
      .filter(isAlive)
  const launcher = processes.tree(name).slice(0, 1)
  const controller = running('ServeController')
  return { hop: running('ProxyActor'), replicas: running('ServeReplica'), rest: [...launcher, ...controller] }
}

function outputs(session: string): readonly string[] {
  try {
    return readdirSync(outputDirectory({ directory: session }))
  } catch {
    return []
  }
}

export const batoid: Contestant = {
  id: 'batoid',
  what: '`batoid run`, compiled, everything on',
  inDepth: true,
  async start(site) {
    const port = await freePort()
    const args = runArgs(site, { target: 'two', port, session: site.session })
    site.processes.start({ name: 'batoid', args: [...args], output: 'nowhere' })
    return port
  },
  pids: (site) => clusterPids(site, { name: 'batoid', session: site.session }),
}

/** Our proxy process, told by a stand-in for the controller to serve these replicas. */
export async function startProxy(site: Site, name: string, sockets: readonly string[]): Promise<number> {
  const port = await freePort()
  const session = { directory: join(site.directory, name) }
  mkdirSync(session.directory)
  const replicas: Route['replicas'] = sockets.map((address) => ({ id: newReplicaId(Math.random), address }))
  const table = { version: 1, routes: [routeTo({ replicas })] }
  await serveChannel({
    path: controllerSocket(session),
    version: VERSION,
    clock: systemClock,
    acceptHello: (raw) => raw as Hello,
    connected: (peer) => void peer.request({ type: 'endpoints', table }, { timeoutMs: 10_000 }),
    disconnected: () => undefined,
    receive: () => undefined,
    problem: (text) => console.error(text),
  })
  const env = { BATOID_SESSION_DIR: session.directory, BATOID_HTTP_PORT: String(port) }
  site.processes.start({ name, args: [process.execPath, PROXY], env })
  return port
}

export const batoidProxy: Contestant = {
  id: 'batoid, proxy alone',
  what: 'everything on, before bare replicas, Unix sockets',
  inDepth: false,
  start: (site) => startProxy(site, 'batoid-proxy', site.upstream.sockets),
  pids: (site) => ({ hop: site.processes.tree('batoid-proxy'), replicas: upstreamPids(site), rest: [] }),
}

/** Our transport, in turn to each of these replicas. */
export async function startTransport(site: Site, name: string, sockets: readonly string[]): Promise<number> {
  const port = await freePort()
  const env = { PORT: String(port), UPSTREAMS: sockets.join() }
  site.processes.start({ name, args: [process.execPath, site.server('transport')], env })
  return port
}

export const bareTransport: Contestant = {
  id: 'batoid, transport alone',
  what: 'no ids, pool, retries, access line; bare replicas',
  inDepth: false,
  start: (site) => startTransport(site, 'transport', site.upstream.sockets),
  pids: (site) => ({ hop: site.processes.tree('transport'), replicas: upstreamPids(site), rest: [] }),
}
