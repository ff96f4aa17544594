/** The controller: owns what should run, spawns the replicas, tells the proxies where they are. */
import { createHash, randomUUID } from 'node:crypto'
import { mkdirSync, readdirSync } from 'node:fs'
import { availableParallelism, tmpdir, totalmem } from 'node:os'
import { dirname } from 'node:path'
import { serveChannel } from './channel-server.ts'
import { systemClock } from '../shared/clock.ts'
import { dashboardFrom } from '../shared/dashboard.ts'
import { catalogue, messageOf, report, ServeError } from '../shared/errors.ts'
import { whenAskedToLeave } from '../shared/leaving.ts'
import { identityOf } from '../shared/identity.ts'
import { tieTo } from '../shared/lifeline.ts'
import { logFileName, openLog } from '../shared/log.ts'
import { killStopped } from '../shared/members.ts'
import { thisNode } from '../shared/node.ts'
import { outputFile } from '../shared/output.ts'
import {
  controllerCheckpoint,
  controllerSocket,
  lifelineSocket,
  logDirectory,
  outputDirectory,
} from '../shared/session.ts'
import {
  applicationFrom,
  cpusFrom,
  gpusFrom,
  hasProxies,
  httpAddressFrom,
  httpSettingsFrom,
  inheritedSocket,
  isLaunched,
  resourcesFrom,
  sessionFrom,
} from '../shared/settings.ts'
import { withoutSecrets } from '../shared/secrets.ts'
import { removeSockets } from '../shared/socket-files.ts'
import { userName } from '../shared/user.ts'
import { VERSION } from '../shared/version.ts'
import { Checkpoint } from './checkpoint.ts'
import { Controller } from './controller.ts'
import type { Declarations } from './declarations.ts'
import type { Former } from './effects.ts'
import { forgetReplica, livingReplicas, startedReplicas } from './former.ts'
import { watchFrozen } from './frozen.ts'
import { Processes } from './processes.ts'
import { serveRest } from './rest.ts'
import { NOTHING, unfinished } from './target.ts'

const session = sessionFrom(process.env, tmpdir(), userName)
for (const directory of [logDirectory(session), outputDirectory(session)]) {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
}
const logFile = `${logDirectory(session)}/${logFileName(`controller_${process.pid}`)}.log`
const log = openLog({
  component: `controller ${process.pid}`,
  file: logFile,
  output: { fd: 1, path: outputFile(outputDirectory(session), 'ServeController', process.pid) },
  level: 'INFO',
  identity: {
    ...identityOf(session, { pid: process.pid, actorName: 'SERVE_CONTROLLER_ACTOR' }),
    component_name: 'controller',
    component_id: String(process.pid),
  },
  now: Date.now,
  clock: systemClock,
})

const startedAtS = Date.now() / 1000
const builds = new Set<{ kill(): void }>()

function leave(code: number): never {
  for (const build of builds) build.kill()
  log.flush()
  process.exit(code)
}

function giveUp(error: unknown): never {
  log.error(messageOf(error))
  return leave(error instanceof ServeError ? catalogue[error.code].exit : 1)
}

process.on('uncaughtException', (error) => {
  log.error(`There was an exception in the controller: ${error instanceof Error ? error.stack : String(error)}`)
  leave(1)
})

function settled<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    return giveUp(error)
  }
}

const dashboard = settled(() => dashboardFrom(process.env))
const http = settled(() => ({
  address: httpAddressFrom(process.env),
  http: httpSettingsFrom(process.env),
  hasProxies: hasProxies(process.env),
}))

/** As NVIDIA's driver lists them. */
function installedGpus(): string[] {
  return readdirSync('/dev').flatMap((file) => /^nvidia(\d+)$/.exec(file)?.[1] ?? [])
}

const checkpoint = new Checkpoint({ path: controllerCheckpoint(session), version: VERSION })

function findFormer(): Former | undefined {
  const found = checkpoint.load()
  if (found.state === 'none') return undefined
  if (found.state === 'damaged') {
    log.error(
      `The checkpoint of the controller before this one cannot be read: ${found.problem}. ` +
        'What runs goes on; what shall run has to be deployed again.',
    )
  }
  return {
    replicas: startedReplicas(session),
    living: () => livingReplicas(session, systemClock),
    forget: (replica) => forgetReplica(session, replica),
    state: found.state === 'intact' ? found.wanted : undefined,
  }
}

const former = findFormer()
if (former?.state === undefined) checkpoint.save(former === undefined ? NOTHING : undefined)
const env = withoutSecrets(process.env)
const processes = new Processes({
  session,
  env,
  clock: systemClock,
  date: Date.now,
  exited: (replica, obituary) => controller.exited(replica, obituary),
})
const controller = new Controller({
  processes,
  clock: systemClock,
  random: Math.random,
  date: Date.now,
  hash: (text) => createHash('sha256').update(text).digest('hex').slice(0, 16),
  machine: {
    resources: {
      CPU: cpusFrom(process.env, availableParallelism()),
      memory: totalmem(),
      ...resourcesFrom(process.env),
    },
    gpus: gpusFrom(process.env, installedGpus()),
  },
  tableVersion: Date.now(),
  former,
  save: (state) => checkpoint.save(state),
  setLogging: (config) => log.configure(config),
  log: ({ level, text, fileOnly = false }) => log[level](text, { fileOnly }),
})
// Also one that never says anything is looked after.
for (const { deployment, replica, pid } of former?.replicas ?? []) {
  if (deployment !== undefined && pid !== undefined) processes.adopt({ deployment, replica }, pid)
}
watchFrozen({
  session,
  clock: systemClock,
  running: () => processes.running(),
  changed: (which, error) => controller.frozen(which, error),
})
log.info(`Controller starting (version='${VERSION}').`, { fileOnly: true })

if (isLaunched(process.env)) {
  await tieTo(lifelineSocket(session), process.pid, () => {
    processes.killAll()
    killStopped(session)
    removeSockets(session)
    leave(1)
  })
}

const workingDir = process.env['BATOID_WORKING_DIR'] ?? process.cwd()
const building = { session, env, clock: systemClock, workingDir, controller, newId: randomUUID, problem: complain }
let declarations: Promise<Declarations> | undefined

/** What reads configurations takes a while to load, and few controllers need it. */
function declarationsOf(): Promise<Declarations> {
  declarations ??= import('./declarations.ts').then((module) => {
    const own = new module.Declarations(building)
    builds.add(own)
    return own
  })
  return declarations
}

await serveRest({
  ...building,
  dashboard,
  fd: inheritedSocket(process.env, process.pid),
  declarations: declarationsOf,
  facts: {
    node: thisNode(session),
    identify: (pid, actorName) => identityOf(session, { pid, actorName }),
    controllerLogFile: logFile,
    logsRoot: dirname(logDirectory(session)),
    ...http,
  },
  startedAtS,
  warn: (text) => log.warning(text),
})
  .then((url) => log.info(`The REST API is at ${url} (its documentation: ${url}/docs).`, { fileOnly: true }))
  .catch(giveUp)

// Last: whoever is connected can be sure of the rest.
const channel = await serveChannel({
  path: controllerSocket(session),
  version: VERSION,
  acceptHello: (raw) => controller.accept(raw),
  connected: (peer) => controller.connected(peer),
  disconnected: (peer) => controller.disconnected(peer),
  receive: (peer, message) => controller.receive(peer, message),
  problem: (text) => log.warning(text),
  clock: systemClock,
}).catch(giveUp)

const wanted = former?.state
const what = applicationFrom(process.env)
if (wanted !== undefined && unfinished(wanted).length > 0) void (await declarationsOf()).resume(wanted)
// Under a Procfile runner that is not our launcher nobody deploys, so the environment may say what to run.
else if (what !== undefined && (wanted?.applications ?? []).length === 0) {
  const { deployUnbidden } = await import('./unbidden.ts')
  const order = { ...building, what, declarations: await declarationsOf() }
  deployUnbidden({ ...order, started: (build) => void builds.add(build) }).catch((error: unknown) => {
    leave(catalogue[report(error).code].exit)
  })
}

function complain(error: unknown): void {
  const { message, stack } = report(error)
  log.error(stack === undefined ? message : `${stack}\n${message}`)
}

async function shutDown(): Promise<void> {
  await controller.shutDown()
  await channel.close()
  checkpoint.remove()
  leave(0)
}

whenAskedToLeave(() => void shutDown())
