/** A proxy: takes HTTP requests and spreads them over the replicas that the controller tells it of. */
import { randomUUID } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { showAccess } from '../shared/access.ts'
import { dialChannel } from '../shared/channel-client.ts'
import { systemClock } from '../shared/clock.ts'
import { catalogue, messageOf, ServeError } from '../shared/errors.ts'
import { PROXY_GRACE_MS, whenAskedToLeave } from '../shared/leaving.ts'
import { identityOf } from '../shared/identity.ts'
import { tieTo } from '../shared/lifeline.ts'
import { logFileName, openLog } from '../shared/log.ts'
import { killStopped } from '../shared/members.ts'
import { thisNode } from '../shared/node.ts'
import { outputFile } from '../shared/output.ts'
import { type FromProxy, PROTOCOL, type ToProxy } from '../shared/protocol.ts'
import { controllerSocket, lifelineSocket, logDirectory, outputDirectory } from '../shared/session.ts'
import { httpAddressFrom, httpSettingsFrom, inheritedSocket, isLaunched, sessionFrom } from '../shared/settings.ts'
import { loadCredentials } from '../shared/tls.ts'
import { userName } from '../shared/user.ts'
import { VERSION } from '../shared/version.ts'
import { Interruptions } from './interruptions.ts'
import { createProxy } from './server.ts'

const session = sessionFrom(process.env, tmpdir(), userName)
for (const directory of [logDirectory(session), outputDirectory(session)]) {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
}
/** What cannot be run with is said in one line; the exit code says that no restart will help. */
function settle<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof ServeError)) throw error
    console.error(`ERROR: ${error.message}`)
    process.exit(catalogue[error.code].exit)
  }
}

const address = settle(() => httpAddressFrom(process.env))
const http = settle(() => httpSettingsFrom(process.env))
const credentials = settle(() => (http.tls === null ? undefined : loadCredentials(http.tls)))
const { id: nodeId, ip: node } = thisNode(session)
/** One writer a file. */
const numbered = http.proxy.index === 0 ? '' : `_${http.proxy.index + 1}`
const logFile = `${logDirectory(session)}/${logFileName(`proxy_${node}${numbered}`)}.log`
const log = openLog({
  component: `proxy ${node}`,
  file: logFile,
  output: { fd: 1, path: outputFile(outputDirectory(session), 'ProxyActor', process.pid) },
  level: 'INFO',
  identity: {
    ...identityOf(session, { pid: process.pid, actorName: `SERVE_PROXY_ACTOR-${nodeId}${numbered}` }),
    component_name: 'proxy',
    component_id: node,
  },
  now: Date.now,
  clock: systemClock,
})

function leave(code: number): never {
  log.flush()
  process.exit(code)
}

process.on('uncaughtException', (error) => {
  log.error(`There was an exception in the proxy: ${error instanceof Error ? error.stack : String(error)}`)
  leave(1)
})
if (isLaunched(process.env)) {
  await tieTo(lifelineSocket(session), process.pid, () => {
    killStopped(session)
    leave(1)
  })
}

/** What nobody has taken by then is of no interest any more. */
const TELL_MS = 5_000

function tell(message: FromProxy): void {
  channel.request(message, { timeoutMs: TELL_MS }).catch(() => undefined)
}

const interruptions = new Interruptions(systemClock, tell)
const proxy = createProxy({
  http,
  credentials,
  access({ requestId, ...line }) {
    if (line.status === 499)
      log.info(`Client for request ${requestId} disconnected, cancelling request.`, { requestId })
    log.access(showAccess(line), { requestId, route: line.route, fileOnly: true })
  },
  problem: (text, { requestId }) => log.warning(text, { requestId, fileOnly: true }),
  interrupted: (...about) => interruptions.add(...about),
  updated: (text) => log.info(`Got updated endpoints: ${text}.`),
  clock: systemClock,
  random: Math.random,
  newId: randomUUID,
})
log.info(`Proxy starting on node ${nodeId} (HTTP port: ${address.port}).`)
if (http.tls !== null) {
  const { certfile } = http.tls
  log.info(`Starting HTTPS server on ${address.host}:${address.port} with SSL certificate: ${certfile}`)
}

const fd = inheritedSocket(process.env, process.pid)
if (fd === undefined && http.proxy.count > 1) {
  log.error(
    `cannot share ${address.host} port ${address.port}: this proxy is one of ${http.proxy.count} (BATOID_PROXIES), but was ` +
      'given no listening socket (LISTEN_FDS); start them with `batoid run`, or only one',
  )
  leave(2)
}

let listening: Promise<void> | undefined

/** Not before the first table: until then the kernel holds the connections, and nobody is turned away. */
function listen(): Promise<void> {
  return new Promise((resolve) => {
    proxy.server.on('error', (error) => {
      log.error(`cannot listen on ${address.host} port ${address.port}: ${messageOf(error)}`)
      // A connection that could not be taken is no reason to cut the others off.
      if (!proxy.server.listening) leave(2)
    })
    proxy.server.listen(fd === undefined ? address : { fd }, resolve)
  })
}

const role = { kind: 'proxy', node: { id: nodeId, ip: node }, index: http.proxy.index, logFile } as const
let tableVersion = -1
const channel = dialChannel({
  path: controllerSocket(session),
  hello: () => ({ protocol: PROTOCOL, version: VERSION, pid: process.pid, role: { ...role, tableVersion } }),
  async receive(message) {
    const told = message as ToProxy
    switch (told.type) {
      case 'logging':
        return log.configure(told.loggingConfig)
      case 'endpoints':
        proxy.accept(told.table)
        tableVersion = Math.max(tableVersion, told.table.version)
        listening ??= listen()
        return await listening
      default:
        throw new ServeError('message_invalid', `a proxy knows no message '${String(Reflect.get(told, 'type'))}'`)
    }
  },
  connected: () => undefined,
  disconnected: () => undefined,
  refused(error) {
    log.error(`the controller refused this proxy: ${error.message}`)
    leave(2)
  },
  problem: (text) => log.warning(text),
  clock: systemClock,
  random: Math.random,
  instance: randomUUID(),
})

async function shutDown(): Promise<void> {
  tell({ type: 'draining' })
  await proxy.close(PROXY_GRACE_MS)
  channel.close()
  leave(0)
}

whenAskedToLeave(() => void shutDown())
