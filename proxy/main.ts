/** A proxy: takes HTTP requests and spreads them over the replicas that the controller tells it of. */
import { createHash, randomUUID } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { hostname, networkInterfaces, tmpdir } from 'node:os'
import { showAccess } from '../shared/access.ts'
import { dialChannel } from '../shared/channel-client.ts'
import { systemClock } from '../shared/clock.ts'
import { messageOf, ServeError } from '../shared/errors.ts'
import { tieTo } from '../shared/lifeline.ts'
import { logFileName, openLog } from '../shared/log.ts'
import { outputFile } from '../shared/output.ts'
import { PROTOCOL, type ToProxy } from '../shared/protocol.ts'
import { controllerSocket, lifelineSocket, logDirectory, outputDirectory } from '../shared/session.ts'
import { httpAddressFrom, httpSettingsFrom, inheritedSocket, isLaunched, sessionFrom } from '../shared/settings.ts'
import { userName } from '../shared/user.ts'
import { VERSION } from '../shared/version.ts'
import { createProxy } from './server.ts'

/** Longer than any replica may take to drain by default. */
const GRACE_MS = 20_000

const session = sessionFrom(process.env, tmpdir(), userName)
for (const directory of [logDirectory(session), outputDirectory(session)]) {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
}
const address = httpAddressFrom(process.env)
const ip = Object.values(networkInterfaces())
  .flat()
  .find((network) => network?.family === 'IPv4' && !network.internal)?.address
const node = ip ?? '127.0.0.1'
/** 56 hexadecimal digits, as Ray names its nodes; the same for every proxy of a cluster on a machine. */
const nodeId = createHash('sha224').update(`${hostname()} ${session.directory}`).digest('hex')
const log = openLog({
  component: `proxy ${node}`,
  file: `${logDirectory(session)}/${logFileName(`proxy_${node}`)}.log`,
  output: { fd: 1, path: outputFile(outputDirectory(session), 'ProxyActor', process.pid) },
  level: 'INFO',
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
if (isLaunched(process.env)) await tieTo(lifelineSocket(session), process.pid, () => leave(1))

const proxy = createProxy({
  http: httpSettingsFrom(process.env),
  access({ requestId, ...line }) {
    if (line.status === 499)
      log.info(`Client for request ${requestId} disconnected, cancelling request.`, { requestId })
    log.info(showAccess(line), { requestId, fileOnly: true })
  },
  problem: (text, { requestId }) => log.warning(text, { requestId, fileOnly: true }),
  updated: (text) => log.info(`Got updated endpoints: ${text}.`),
  clock: systemClock,
  random: Math.random,
  newId: randomUUID,
})
log.info(`Proxy starting on node ${nodeId} (HTTP port: ${address.port}).`)

let listening: Promise<void> | undefined

/** Not before the first table: until then the kernel holds the connections, and nobody is turned away. */
function listen(): Promise<void> {
  const fd = inheritedSocket(process.env, process.pid)
  return new Promise((resolve) => {
    proxy.server.on('error', (error) => {
      log.error(`cannot listen on ${address.host} port ${address.port}: ${messageOf(error)}`)
      // A connection that could not be taken is no reason to cut the others off.
      if (!proxy.server.listening) leave(2)
    })
    proxy.server.listen(fd === undefined ? address : { fd }, resolve)
  })
}

const channel = dialChannel({
  path: controllerSocket(session),
  hello: () => ({ protocol: PROTOCOL, version: VERSION, pid: process.pid, role: { kind: 'proxy' } }),
  async receive(message) {
    const { type, table } = message as ToProxy
    if (type !== 'endpoints') throw new ServeError('message_invalid', `a proxy knows no message '${String(type)}'`)
    proxy.accept(table)
    listening ??= listen()
    await listening
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
  await proxy.close(GRACE_MS)
  channel.close()
  leave(0)
}

let leaving = false
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.on(signal, () => {
    if (leaving) return
    leaving = true
    void shutDown()
  })
}
