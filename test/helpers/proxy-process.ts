import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { bindSocket, HTTP_FLAGS } from '../../cli/listening-socket.ts'
import { type Peer, serveChannel } from '../../controller/channel-server.ts'
import { acceptHello } from '../../controller/messages.ts'
import { systemClock } from '../../shared/clock.ts'
import type { Route } from '../../shared/protocol.ts'
import { controllerSocket } from '../../shared/session.ts'
import { VERSION } from '../../shared/version.ts'
import { eventually } from './eventually.ts'
import type { StandIn } from './proxy.ts'
import { routeTo } from './route.ts'

/** The compiled proxy in its own process, with the test in the controller's place. */
export interface ProxyProcess {
  readonly pid: number
  readonly port: number
  /** Where a stand-in may listen. */
  socketPath(name: string): string
  /** Puts a table of one or more routes in force. */
  route(...routes: readonly Partial<Route>[]): Promise<void>
  /** `route` for one application at `/` with these replicas. */
  serve(...replicas: readonly StandIn[]): Promise<void>
  /** Undefined while it lives; what it has printed afterwards. */
  death(): string | undefined
  stop(): Promise<void>
}

export async function startProxyProcess(env: Readonly<Record<string, string>> = {}): Promise<ProxyProcess> {
  const directory = mkdtempSync(join(tmpdir(), 'batoid-proxy-'))
  let peer: Peer | undefined
  const channel = await serveChannel({
    path: controllerSocket({ directory }),
    version: VERSION,
    clock: systemClock,
    acceptHello,
    connected: (connected) => (peer = connected),
    disconnected: () => (peer = undefined),
    receive: () => undefined,
    problem: () => undefined,
  })
  const socket = bindSocket({ host: '127.0.0.1', port: 0 }, HTTP_FLAGS)
  if (socket === undefined) throw new Error('this Node has no net._createServerHandle')
  const output = join(directory, 'proxy.out')
  const fd = openSync(output, 'a')
  const { NODE_OPTIONS: _, ...inherited } = process.env
  const child = spawn(
    '/bin/sh',
    ['-c', 'export LISTEN_FDS=1 LISTEN_PID=$$; exec "$0" "$1"', process.execPath, resolve('dist/proxy/main.js')],
    {
      env: { ...inherited, ...env, BATOID_SESSION_DIR: directory },
      stdio: ['ignore', fd, fd, socket.fd],
    },
  )
  closeSync(fd)
  const exited = once(child, 'exit')
  const { pid } = child
  if (pid === undefined) throw new Error('the proxy did not start')
  let version = 0
  const route = async (...routes: readonly Partial<Route>[]): Promise<void> => {
    version += 1
    const to = await eventually(() => peer)
    await to.request({ type: 'endpoints', table: { version, routes: routes.map(routeTo) } }, { timeoutMs: 10_000 })
  }
  return {
    pid,
    port: socket.address.port,
    socketPath: (name) => join(directory, name),
    route,
    serve: (...replicas) => route({ replicas: replicas.map(({ replica }) => replica) }),
    death: () => ((child.exitCode ?? child.signalCode) === null ? undefined : readFileSync(output, 'utf8')),
    async stop() {
      child.kill('SIGKILL')
      await exited
      socket.close()
      await channel.close()
      rmSync(directory, { recursive: true })
    },
  }
}

/** Resident memory of a process, without what it shares with files. */
export function residentMib(pid: number): number {
  return Number(/^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024
}

/** How many sockets a process has open. */
export function socketsOf(pid: number): number {
  const files = readdirSync(`/proc/${pid}/fd`).map((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`)
    } catch {
      return ''
    }
  })
  return files.filter((file) => file.startsWith('socket:')).length
}
