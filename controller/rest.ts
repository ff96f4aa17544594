import { createHash, timingSafeEqual } from 'node:crypto'
import { renameSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { basename } from 'node:path'
import { type DashboardSettings, urlOf } from '../shared/dashboard.ts'
import { messageOf, ServeError } from '../shared/errors.ts'
import { dashboardFile } from '../shared/session.ts'
import type { Clock } from '../shared/clock.ts'
import type { Session } from '../shared/session.ts'
import type { Controller } from './controller.ts'
import type { Declarations } from './declarations.ts'
import type { ClusterFacts } from './rest-details.ts'

/** Clients are few, and none is slow for a good reason. */
const RECEIVE_TIMEOUT_MS = 30_000
const MAX_CONNECTIONS = 256

export interface RestServerOptions {
  readonly session: Session
  readonly clock: Clock
  readonly dashboard: DashboardSettings
  /** A socket that somebody holds for us, so that it outlives this process. */
  readonly fd: number | undefined
  readonly controller: Controller
  readonly declarations: () => Promise<Declarations>
  readonly newId: () => string
  readonly facts: ClusterFacts
  /** Unix time, in seconds. */
  readonly startedAtS: number
  readonly warn: (text: string) => void
}

type Listener = (request: IncomingMessage, response: ServerResponse) => Promise<void>

/**
 * Serves the REST API. What it consists of is loaded for the first request: the cluster starts no later for it.
 * Resolves with its URL, which stands in the session directory too.
 * @throws ServeError `port_unavailable`
 */
export async function serveRest(options: RestServerOptions): Promise<string> {
  const { dashboard, fd, warn } = options
  let listener: Promise<Listener> | undefined
  const server = createServer({ requestTimeout: RECEIVE_TIMEOUT_MS, headersTimeout: RECEIVE_TIMEOUT_MS }, (...pair) => {
    listener ??= load(options)
    listener
      .then((answer) => answer(...pair))
      .catch((error: unknown) => {
        warn(`The REST API failed: ${messageOf(error)}`)
        pair[1].destroy()
      })
  })
  server.maxConnections = MAX_CONNECTIONS
  const url = urlOf({ ...dashboard.address, port: await listen(server, dashboard, fd) })
  try {
    write(dashboardFile(options.session), `${url}\n`)
  } catch (error) {
    // The one of a controller before, which had the same socket, is still true; and a full disk stops nobody.
    warn(`Cannot write down where the REST API is, ${url}: ${messageOf(error)}`)
  }
  return url
}

/** Whole: commands read it at any time. */
function write(file: string, text: string): void {
  writeFileSync(`${file}.new`, text, { mode: 0o600 })
  renameSync(`${file}.new`, file)
}

async function load(options: RestServerOptions): Promise<Listener> {
  const [{ getRequestListener }, { restApp }, { RestCluster }, declarations] = await Promise.all([
    import('@hono/node-server'),
    import('./rest-app.ts'),
    import('./rest-cluster.ts'),
    options.declarations(),
  ])
  const vitals = () => ({
    pid: process.pid,
    nowS: Date.now() / 1000,
    startedAtS: options.startedAtS,
    openResources: process.getActiveResourcesInfo().length,
    memoryBytes: process.memoryUsage.rss(),
  })
  const sessionName = basename(options.session.directory)
  const { token } = options.dashboard
  const app = restApp({
    cluster: new RestCluster({ ...options, declarations, sessionName, vitals }),
    isToken: token === undefined ? undefined : (text) => isSame(text, token),
    problem: options.warn,
  })
  return getRequestListener(app.fetch)
}

/** In a time that says nothing about where they differ. */
function isSame(one: string, other: string): boolean {
  return timingSafeEqual(digest(one), digest(other))
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

/** Resolves with the port. */
function listen(server: Server, { address }: DashboardSettings, fd: number | undefined): Promise<number> {
  const { host, port } = address
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      const where = `cannot listen on ${host} port ${port}, which is for the REST API`
      reject(
        new ServeError(
          'port_unavailable',
          `${where}: ${error.message}; take another BATOID_DASHBOARD_PORT (0: any free one)`,
        ),
      )
    })
    server.listen(fd === undefined ? { host, port } : { fd }, () => {
      const bound = server.address()
      resolve(typeof bound === 'object' ? (bound?.port ?? port) : port)
    })
  })
}
