import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type RequestListener } from 'node:http'
import { connect, createServer as createNetServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AccessLine } from '../../proxy/exchange.ts'
import { LIMITS, type Limits } from '../../proxy/listener.ts'
import type { ProxyServer } from '../../proxy/proxy.ts'
import { createProxy } from '../../proxy/server.ts'
import { type Clock, systemClock } from '../../shared/clock.ts'
import { newReplicaId } from '../../shared/ids.ts'
import type { Route, RunningReplica } from '../../shared/protocol.ts'
import { type HttpSettings, httpSettingsFrom } from '../../shared/settings.ts'
import type { Credentials } from '../../shared/tls.ts'
import { routeTo } from './route.ts'

/** An HTTP server on a Unix socket where the proxy expects a replica. */
export interface StandIn {
  readonly replica: RunningReplica
  readonly server: Server
  /** `METHOD target` of every request that began to arrive. */
  readonly requests: string[]
  readonly counts: { connections: number; ongoing: number; aborted: number }
  stop(): Promise<void>
}

/** A proxy in this process, its stand-ins, and everything it told. */
export interface Bench {
  readonly proxy: ProxyServer
  readonly port: number
  readonly lines: AccessLine[]
  readonly problems: string[]
  readonly updates: string[]
  /** Requests that were lost with their replica: `id replica`. */
  readonly interrupted: string[]
  /** Where a stand-in of another kind may listen. */
  socketPath(name: string): string
  /** A stand-in replica that listens, but is not in any table. */
  standIn(handler: RequestListener): Promise<StandIn>
  /** Puts a table of one or more routes in force. */
  route(...routes: readonly Partial<Route>[]): void
  /** `route` for one application at `/` with these replicas. */
  serve(...replicas: readonly StandIn[]): void
  get(path: string, init?: RequestInit): Promise<Response>
  stop(): Promise<void>
}

const defaults = httpSettingsFrom({})

export interface BenchOptions {
  readonly clock?: Clock
  readonly http?: Partial<HttpSettings>
  readonly credentials?: Credentials
  readonly limits?: Partial<Limits>
}

export async function startBench(options: BenchOptions = {}): Promise<Bench> {
  const { clock = systemClock, http = {}, credentials, limits } = options
  const directory = await mkdtemp(join(tmpdir(), 'proxy-'))
  const [lines, problems, updates]: [AccessLine[], string[], string[]] = [[], [], []]
  const interrupted: string[] = []
  const proxy = createProxy({
    http: { ...defaults, ...http },
    credentials,
    limits: { ...LIMITS, ...limits },
    access: (line) => lines.push(line),
    problem: (text) => problems.push(text),
    interrupted: (_, replica, requestId) => interrupted.push(`${requestId} ${replica}`),
    updated: (text) => updates.push(text),
    clock,
    random: Math.random,
    newId: randomUUID,
  })
  await new Promise<void>((resolve) => proxy.server.listen(0, '127.0.0.1', resolve))
  const address = proxy.server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const standIns: StandIn[] = []
  let version = 0
  const route = (...routes: readonly Partial<Route>[]): void => {
    version += 1
    proxy.accept({ version, routes: routes.map(routeTo) })
  }
  return {
    proxy,
    port,
    lines,
    problems,
    updates,
    interrupted,
    socketPath: (name) => join(directory, name),
    async standIn(handler) {
      const made = await startStandIn(join(directory, `${standIns.length}.sock`), handler)
      standIns.push(made)
      return made
    },
    route,
    serve: (...replicas) => route({ replicas: replicas.map(({ replica }) => replica) }),
    get: (path, init) => fetch(`http://127.0.0.1:${port}${path}`, init),
    async stop() {
      await proxy.close(0)
      await Promise.all(standIns.map((standIn) => standIn.stop()))
      await rm(directory, { recursive: true })
    },
  }
}

export async function startStandIn(address: string, handler: RequestListener): Promise<StandIn> {
  const requests: string[] = []
  const counts = { connections: 0, ongoing: 0, aborted: 0 }
  const server = createServer({ keepAliveTimeout: 75_000 }, (request, response) => {
    requests.push(`${request.method} ${request.url}`)
    counts.ongoing += 1
    response.on('close', () => {
      counts.ongoing -= 1
      if (!response.writableFinished) counts.aborted += 1
    })
    handler(request, response)
  })
  server.on('connection', () => {
    counts.connections += 1
  })
  await new Promise<void>((resolve) => server.listen(address, resolve))
  const stop = async (): Promise<void> => {
    if (!server.listening) return
    const closed = new Promise((resolve) => server.close(resolve))
    server.closeAllConnections()
    await closed
  }
  return { replica: { id: newReplicaId(Math.random), address }, server, requests, counts, stop }
}

/** A connection on which a test writes what no HTTP client would. */
export interface RawClient {
  readonly socket: Socket
  /** Everything received so far, one character a byte. */
  readonly text: string
  readonly isClosed: boolean
  readonly error: string | undefined
}

export function rawClient(port: number, first = ''): RawClient {
  const socket = connect(port, '127.0.0.1')
  let [text, isClosed]: [string, boolean] = ['', false]
  let error: string | undefined
  socket.setEncoding('latin1')
  socket.on('data', (chunk: string) => {
    text += chunk
  })
  socket.on('error', (e: NodeJS.ErrnoException) => {
    error = e.code
  })
  socket.on('close', () => {
    isClosed = true
  })
  if (first !== '') socket.write(first, 'latin1')
  return {
    socket,
    get text() {
      return text
    },
    get isClosed() {
      return isClosed
    },
    get error() {
      return error
    },
  }
}

export function connectionsOf({ server }: StandIn): Promise<number> {
  return new Promise((resolve, reject) => server.getConnections((e, count) => (e ? reject(e) : resolve(count))))
}

/** A stand-in that speaks HTTP by hand, or something else. Its connections end with it. */
export async function rawStandIn(address: string, onConnection: (socket: Socket) => void): Promise<StandIn> {
  const sockets = new Set<Socket>()
  const server = createNetServer((socket) => {
    sockets.add(socket)
    counts.connections += 1
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    onConnection(socket)
  })
  const counts = { connections: 0, ongoing: 0, aborted: 0 }
  await new Promise<void>((resolve) => server.listen(address, resolve))
  const stop = async (): Promise<void> => {
    if (!server.listening) return
    const closed = new Promise((resolve) => server.close(resolve))
    for (const socket of sockets) socket.destroy()
    await closed
  }
  return { replica: { id: newReplicaId(Math.random), address }, server, requests: [], counts, stop }
}

/** What is received until the other side closes. */
export async function exchangeRaw(port: number, text: string): Promise<string> {
  const client = rawClient(port, text)
  await new Promise((resolve) => client.socket.once('close', resolve))
  return client.text
}
