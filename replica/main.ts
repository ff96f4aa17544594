/** A replica: one process that runs one deployment and serves it over HTTP on a Unix socket of its own. */
import { randomUUID } from 'node:crypto'
import { closeSync, readFileSync, rmSync } from 'node:fs'
import { showAccess } from '../shared/access.ts'
import { dialChannel } from '../shared/channel-client.ts'
import { systemClock } from '../shared/clock.ts'
import { report, ServeError } from '../shared/errors.ts'
import { deploymentName } from '../shared/ids.ts'
import { whenAskedToLeave } from '../shared/leaving.ts'
import { identityOf } from '../shared/identity.ts'
import { tieTo } from '../shared/lifeline.ts'
import { logFileName, openLog } from '../shared/log.ts'
import { outputFile } from '../shared/output.ts'
import { killStopped } from '../shared/members.ts'
import { type Health, PROTOCOL, type Reconfigure, type ReplicaReport, type ToReplica } from '../shared/protocol.ts'
import {
  controllerSocket,
  lifelineSocket,
  logDirectory,
  outputDirectory,
  replicaFrozen,
  replicaSocket,
  replicaStarted,
} from '../shared/session.ts'
import { isLaunched, REPLICA_SETTINGS_FD, type ReplicaSettings } from '../shared/settings.ts'
import { removeSocket } from '../shared/socket-files.ts'
import { VERSION } from '../shared/version.ts'
import { captureConsole } from './console.ts'
import { checkHealth, construct, reconfigure } from './construct.ts'
import { currentRequest } from './context.ts'
import { type Bound, dispose, type Servable } from './deployment.ts'
import { HealthChecks } from './health.ts'
import { loadApplication } from './load.ts'
import { ReplicaServer } from './server.ts'
import { UserConfig } from './user-config.ts'
import { userStack } from './user-stack.ts'
import { startWatchdog, type Watchdog } from './watchdog.ts'

/** A replica that finds no controller for so long has been forgotten. */
const ABANDONED_MS = 60_000
/** What nobody watches may take so long to dispose of what it has. */
const DISPOSE_MS = 5_000
/** How long a replica that cannot start waits for the controller to know why. */
const LAST_WORDS_MS = 1_000

const settings = JSON.parse(readFileSync(REPLICA_SETTINGS_FD, 'utf8')) as ReplicaSettings
closeSync(REPLICA_SETTINGS_FD)
const session = { directory: process.env['BATOID_SESSION_DIR'] ?? '' }
const { application, deployment } = deploymentName(settings.deployment)
const address = replicaSocket(session, settings.replica)
const log = openLog({
  component: `${application}_${deployment} ${settings.replica}`,
  file: `${logDirectory(session)}/${logFileName(`replica_${application}_${deployment}_${settings.replica}`)}.log`,
  output: {
    fd: 1,
    path: outputFile(outputDirectory(session), `ServeReplica:${application}:${deployment}`, process.pid),
  },
  level: 'INFO',
  identity: {
    ...identityOf(session, {
      pid: process.pid,
      actorName: `SERVE_REPLICA::${settings.deployment}#${settings.replica}`,
    }),
    deployment: `${application}_${deployment}`,
    replica: settings.replica,
    component_name: 'replica',
    application,
  },
  now: Date.now,
  clock: systemClock,
})
log.configure(settings.live.loggingConfig)
let phase: ReplicaReport = { name: 'starting' }
let leaving: Promise<void> | undefined
let bound: Bound | undefined
let servable: Servable | undefined
let { config, live } = settings
const handed = new UserConfig(live.userConfig)
let server: ReplicaServer | undefined
let health: Health = { failures: 0 }
let healthChecks: HealthChecks | undefined
let watchdog: Watchdog | undefined

function leave(code: number): never {
  removeSocket(address)
  // A controller that is not there to see this end would wait for this replica when it comes back.
  rmSync(replicaStarted(session, settings.replica), { force: true })
  log.flush()
  process.exit(code)
}

/** From the moment at which user code may throw, until it serves. */
let cannotStart: ((error: unknown) => Promise<never>) | undefined

process.on('uncaughtException', (error) => {
  log.error(`Uncaught exception, the replica dies.\n${userStack(error)}`)
  if (phase.name === 'starting' && cannotStart !== undefined) void cannotStart(error)
  else if (phase.name !== 'failed') leave(1)
})
if (isLaunched(process.env)) {
  await tieTo(lifelineSocket(session), process.pid, () => {
    killStopped(session)
    leave(1)
  })
}
captureConsole([process.stdout, process.stderr], log, () => currentRequest()?.requestId)

/** Armed whenever no controller is connected, from the start on. */
const abandonedAfter = () =>
  systemClock.after(ABANDONED_MS, () => {
    systemClock.after(settings.drainTimeoutMs + DISPOSE_MS, () => leave(1))
    void drain(settings.drainTimeoutMs)
  })
let cancelAbandoned = abandonedAfter()
const channel = dialChannel({
  path: controllerSocket(session),
  hello: () => ({
    protocol: PROTOCOL,
    version: VERSION,
    pid: process.pid,
    role: {
      kind: 'replica',
      replica: settings.replica,
      deployment: settings.deployment,
      version: settings.version,
      config,
      allotment: settings.allotment,
      startTimeoutMs: settings.startTimeoutMs,
      drainTimeoutMs: settings.drainTimeoutMs,
      phase,
      health,
    },
  }),
  receive(message) {
    const told = message as ToReplica
    switch (told.type) {
      case 'drain':
        void drain(told.timeoutMs)
        return
      case 'reconfigure':
        return takeOver(told)
      default:
        throw new ServeError('message_invalid', `a replica knows no message '${String(Reflect.get(told, 'type'))}'`)
    }
  },
  connected: () => cancelAbandoned(),
  disconnected() {
    cancelAbandoned()
    cancelAbandoned = abandonedAfter()
  },
  refused(error) {
    log.error(`the controller refused this replica: ${error.message}`)
    leave(1)
  },
  problem: (text) => log.warning(text),
  clock: systemClock,
  random: Math.random,
  instance: randomUUID(),
})

/** Tells the controller; what it missed while away, the next hello says. */
async function enter(next: ReplicaReport, timeoutMs = ABANDONED_MS): Promise<void> {
  phase = next
  await channel.request({ type: 'replica', phase }, { timeoutMs }).catch(() => undefined)
}

/** User code sees only a config of its own that has changed. */
async function takeOver(told: Reconfigure): Promise<void> {
  const { userConfig } = told.live
  await handed.give(userConfig, async () => {
    if (bound !== undefined && servable !== undefined) await reconfigure(bound, servable, userConfig)
  })
  ;({ config, live } = told)
  log.configure(live.loggingConfig)
  server?.update(live)
  healthChecks?.update(live)
  watchdog?.update(live.healthCheckTimeoutS)
}

/** From the moment at which it takes requests. */
function watchOver(user: Bound, code: Servable): void {
  const { healthCheckTimeoutS } = live
  const file = replicaFrozen(session, settings.replica)
  watchdog = startWatchdog({ file, healthCheckTimeoutS, clock: systemClock, problem: (text) => log.warning(text) })
  if (code.checkHealth === undefined) return
  healthChecks = new HealthChecks({
    check: () => checkHealth(user, code),
    timing: live,
    clock: systemClock,
    random: Math.random,
    changed(next) {
      health = next
      channel.request({ type: 'health', health }, { timeoutMs: ABANDONED_MS }).catch(() => undefined)
    },
  })
}

function drain(timeoutMs: number): Promise<void> {
  leaving ??= (async () => {
    healthChecks?.stop()
    void enter({ name: 'draining' })
    const overdue = new Promise<void>((resolve) => systemClock.after(timeoutMs, resolve))
    await Promise.race([server?.drain(timeoutMs), overdue])
    await dispose(servable)
    log.info('Graceful shutdown complete; replica exiting.', { fileOnly: true })
    leave(0)
  })().catch((error: unknown) => {
    log.error(`the replica's [Symbol.asyncDispose]() threw: ${report(error).message}`)
    leave(1)
  })
  return leaving
}

whenAskedToLeave(() => void drain(settings.drainTimeoutMs))

cannotStart = async (error) => {
  const reason = report(error)
  const stack = error instanceof ServeError ? reason.stack : userStack(error)
  await enter({ name: 'failed', error: { ...reason, stack } }, LAST_WORDS_MS)
  return leave(3)
}

try {
  log.info('Started initializing replica.', { fileOnly: true })
  bound = await loadApplication(settings)
  servable = await construct(bound, live.userConfig)
  server = new ReplicaServer({
    servable,
    address,
    live,
    clock: systemClock,
    access: ({ requestId, ...facts }) =>
      log.access(showAccess(facts), { requestId, route: facts.route, isFrequent: true }),
    failed: (text, requestId) => log.error(text, { requestId }),
  })
  await server.listen()
  log.info('Finished initializing replica.', { fileOnly: true })
  if (leaving === undefined && phase.name === 'starting') {
    const known = enter({ name: 'running', address })
    watchOver(bound, servable)
    await known
  }
} catch (error) {
  await cannotStart(error)
}
