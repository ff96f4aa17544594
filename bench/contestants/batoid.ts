import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { serveChannel } from '../../controller/channel-server.ts'
import { systemClock } from '../../shared/clock.ts'
import { newReplicaId } from '../../shared/ids.ts'
import type { Hello, Route } from '../../shared/protocol.ts'
import { controllerSocket } from '../../shared/session.ts'
import { VERSION } from '../../shared/version.ts'
import { routeTo } from '../../test/helpers/route.ts'
import type { Contestant, Pids, Site } from '../contestants.ts'
import { commandLine, freePort } from '../processes.ts'
import { upstreamPids } from './node.ts'

const LAUNCHER = resolve('dist/cli/main.js')
const PROXY = resolve('dist/proxy/main.js')

/** The arguments that run `target` of servers/app.ts as a user would, compiled. */
export function runArgs(site: Site, { target, port, session }: { target: string; port: number; session: string }) {
  const app = `${site.server('app')}:${target}`
  return [process.execPath, LAUNCHER, 'run', app, '--http-port', String(port), '--session-dir', session] as const
}

export function clusterPids({ processes }: Site, name: string): Pids {
  const all = processes.tree(name).map((pid) => ({ pid, command: commandLine(pid) }))
  const running = (main: string) => all.filter(({ command }) => command.includes(main)).map(({ pid }) => pid)
  const [hop, replicas] = [running('proxy/main.js'), running('replica/main.js')]
  return { hop, replicas, rest: all.map(({ pid }) => pid).filter((pid) => ![...hop, ...replicas].includes(pid)) }
}

export const batoid: Contestant = {
  id: 'batoid',
  what: '`batoid run`, compiled, everything on',
  inDepth: true,
  async start(site) {
    const port = await freePort()
    const args = runArgs(site, { target: 'two', port, session: site.session })
    site.processes.start({ name: 'batoid', args: [...args], silent: true })
    return port
  },
  pids: (site) => clusterPids(site, 'batoid'),
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
