/** The controller: owns what should run, spawns the replicas, tells the proxies where they are. */
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync } from 'node:fs'
import { availableParallelism, tmpdir, userInfo } from 'node:os'
import { serveChannel } from './channel-server.ts'
import { systemClock } from '../shared/clock.ts'
import { startBuild } from '../shared/build.ts'
import { catalogue, messageOf, report, ServeError } from '../shared/errors.ts'
import { tieTo } from '../shared/lifeline.ts'
import { logFileName, openLog } from '../shared/log.ts'
import { outputFile } from '../shared/output.ts'
import { controllerSocket, lifelineSocket, logDirectory, outputDirectory, replicaOfSocket } from '../shared/session.ts'
import { applicationFrom, cpusFrom, isLaunched, sessionFrom } from '../shared/settings.ts'
import { removeSockets } from '../shared/socket-files.ts'
import { VERSION } from '../shared/version.ts'
import { Controller } from './controller.ts'
import { Processes } from './processes.ts'

const session = sessionFrom(process.env, tmpdir(), userInfo().username)
for (const directory of [logDirectory(session), outputDirectory(session)]) {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
}
const log = openLog({
  component: `controller ${process.pid}`,
  file: `${logDirectory(session)}/${logFileName(`controller_${process.pid}`)}.log`,
  output: { fd: 1, path: outputFile(outputDirectory(session), 'ServeController', process.pid) },
  level: 'INFO',
  now: Date.now,
  clock: systemClock,
})

function leave(code: number): never {
  log.flush()
  process.exit(code)
}

process.on('uncaughtException', (error) => {
  log.error(`There was an exception in the controller: ${error instanceof Error ? error.stack : String(error)}`)
  leave(1)
})

const processes = new Processes({
  session,
  env: process.env,
  clock: systemClock,
  exited: (replica, how) => controller.exited(replica, how),
})
const controller = new Controller({
  processes,
  clock: systemClock,
  random: Math.random,
  hash: (text) => createHash('sha256').update(text).digest('hex').slice(0, 16),
  cpus: cpusFrom(process.env, availableParallelism()),
  tableVersion: Date.now(),
  former: readdirSync(session.directory).flatMap((file) => replicaOfSocket(file) ?? []),
  log: ({ level, text, fileOnly = false }) => log[level](text, { fileOnly }),
})
log.info(`Controller starting (version='${VERSION}').`, { fileOnly: true })

if (isLaunched(process.env)) {
  await tieTo(lifelineSocket(session), process.pid, () => {
    processes.killAll()
    removeSockets(session)
    leave(1)
  })
}

const channel = await serveChannel({
  path: controllerSocket(session),
  version: VERSION,
  acceptHello: (raw) => controller.accept(raw),
  connected: (peer) => controller.connected(peer),
  disconnected: (peer) => controller.disconnected(peer),
  receive: (peer, message) => controller.receive(peer, message),
  problem: (text) => log.warning(text),
  clock: systemClock,
}).catch((error: unknown) => {
  log.error(messageOf(error))
  return leave(error instanceof ServeError ? 2 : 1)
})

// Under a Procfile runner that is not our launcher nobody deploys, so the environment may say what to run.
const application = applicationFrom(process.env)
if (application !== undefined) {
  const build = { importPath: application, workingDir: process.cwd(), name: 'default', routePrefix: '/' }
  startBuild(build, { session, env: process.env, clock: systemClock }).result.then(
    (built) => controller.deploy(built),
    (error: unknown) => {
      const { code, message, stack } = report(error)
      log.error(stack === undefined ? message : `${stack}\n${message}`)
      leave(catalogue[code].exit)
    },
  )
}

async function shutDown(): Promise<void> {
  await controller.shutDown()
  await channel.close()
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
