import { systemClock } from '../shared/clock.ts'
import { configKind } from '../shared/config/file.ts'
import { dashboardFrom } from '../shared/dashboard.ts'
import { catalogue, messageOf, ServeError } from '../shared/errors.ts'
import type { Random } from '../shared/ids.ts'
import { type Log, openLog } from '../shared/log.ts'
import { outputFile } from '../shared/output.ts'
import { logDirectory, outputDirectory, type Session } from '../shared/session.ts'
import { hasProxies, httpAddressFrom, httpSettingsFrom } from '../shared/settings.ts'
import { loadCredentials } from '../shared/tls.ts'
import type { Environment } from '../shared/variables.ts'
import { complain } from './complain.ts'
import { flushing } from './flushing-log.ts'
import { type Asked, type Plan, planOf } from './plan.ts'
import { cliLine, isColourful, showPrefix, SOURCE } from './prefix.ts'
import { FAILED, reloading } from './reload.ts'
import { Run, type RunOptions } from './run.ts'
import { linkLatest } from './session-directory.ts'
import { EXIT_INTERRUPTED, type Signals } from './signals.ts'
import { watchSources } from './source-watcher.ts'
import { LAUNCHER, type Starter } from './starter.ts'

export interface Given {
  readonly sessionDir: string | undefined
  readonly reload: boolean
  readonly env: Environment
  /** What of it flags and variables say, which wins over a configuration. */
  readonly said: Environment
  readonly random: Random
}

/** One cluster, once it is known where. */
export interface Order {
  readonly asked: Asked
  readonly given: Given
  readonly session: Session
  readonly signals: Signals
  /** Whoever has started this in the background; undefined: it is in the foreground. */
  readonly starter: Starter | undefined
}

/** Runs a cluster until it is told to leave. Resolves with the exit code. */
export async function execute(order: Order): Promise<number> {
  const { asked, given, session, signals, starter } = order
  const log = flushing(openLauncherLog(session, starter !== undefined))
  if (asked.target !== undefined) {
    const what = configKind(asked.target) === undefined ? 'import path' : 'config file'
    say('INFO', `Running ${what}: '${asked.target}'.`)
  }
  const plan = await firstPlan(order, log)
  if (plan === undefined) return leave(log, signals)
  const cluster = new Run(runOptions(order, plan, log))
  if (given.sessionDir === undefined) linkLatest(session)
  let code = 0
  const { unwatch, started } = begin(cluster, order, log)
  try {
    await Promise.race([started, signals.first])
    if (signals.reason === undefined) {
      starter?.ready()
      await Promise.race([signals.first, cluster.failed])
    }
    leave(log, signals)
  } catch (error) {
    cluster.drainOutput()
    if (isUnexpected(error))
      say('ERROR', 'Received unexpected error, see console logs for more details. Shutting down...')
    if (starter !== undefined) log.error(messageOf(error), { fileOnly: true })
    code = starter === undefined ? complain(error) : starter.failed(error)
  }
  unwatch()
  const wasInterrupted = await Promise.race([cluster.stop().then(() => false), signals.second.then(() => true)])
  if (wasInterrupted) await cluster.kill()
  log.flush()
  return wasInterrupted ? EXIT_INTERRUPTED : code
}

/** With --reload, a configuration that cannot be read is read again once something has been changed. */
async function firstPlan(order: Order, log: Log): Promise<Plan | undefined> {
  const { asked, given, session, signals } = order
  while (signals.reason === undefined) {
    const { change, unwatch } = watch(order)
    try {
      const plan = planOf(asked, { session, env: given.env, leave: signals.first })
      return (await Promise.race([plan, signals.first])) ?? undefined
    } catch (error) {
      if (!given.reload || !mayBeMended(error)) throw error
      complain(error)
      log.error(FAILED)
      await Promise.race([change, signals.first])
    } finally {
      unwatch()
    }
  }
  return undefined
}

function watch({ asked, given, session }: Order): { change: Promise<unknown>; unwatch: () => void } {
  let unwatch: (() => void) | undefined
  const change = new Promise((changed) => {
    if (!given.reload) return
    const except = session.directory
    unwatch = watchSources({ directory: asked.directory, except, clock: systemClock, changed, problem: complained })
  })
  return { change, unwatch: () => unwatch?.() }
}

/** No mistake of the user's. */
function isUnexpected(error: unknown): boolean {
  return !(error instanceof ServeError) || catalogue[error.code].exit === 1
}

function mayBeMended(error: unknown): boolean {
  return error instanceof ServeError && (error.code === 'bad_config' || catalogue[error.code].exit === 3)
}

/** With --reload, what is broken at first is watched for its being mended. */
function begin(cluster: Run, { asked, given, session, signals }: Order, log: Log) {
  if (!given.reload) return { started: cluster.start(), unwatch: () => {} }
  let isHopeless = false
  cluster.failed.catch(() => {
    isHopeless = true
  })
  const started = cluster.start().catch((error: unknown) => {
    if (isHopeless) throw error
    complain(error)
    log.error(FAILED)
  })
  const plan = () => planOf(asked, { session, env: given.env, leave: signals.first, isHeld: true })
  return { started, unwatch: reloading({ cluster, started, session, directory: asked.directory, plan, log }) }
}

function leave(log: Log, signals: Signals): number {
  log.warning(`Got ${signals.reason}, exiting...`)
  say('INFO', `Got ${signals.reason}, shutting down...`)
  return 0
}

const complained = (text: string): void => say('ERROR', text)

function say(level: 'INFO' | 'ERROR', text: string): void {
  console.log(cliLine(level, SOURCE, text, Date.now()))
}

/** In the background nobody reads along, so there is a file of it, and what is shown does not grow without bound. */
function openLauncherLog(session: Session, isBackground: boolean): Log {
  const common = { component: `serve ${process.pid}`, level: 'INFO', now: Date.now, clock: systemClock } as const
  if (!isBackground) return openLog({ ...common, output: { fd: 1 } })
  const file = `${logDirectory(session)}/launcher_${process.pid}.log`
  return openLog({
    ...common,
    file,
    output: { fd: 1, path: outputFile(outputDirectory(session), LAUNCHER, process.pid) },
  })
}

function runOptions({ asked, given, session, signals, starter }: Order, plan: Plan, log: Log): RunOptions {
  const env = { ...given.env, ...plan.env, ...given.said }
  const http = httpSettingsFrom(env)
  // The proxies would find out too, but nobody has to wait for that.
  if (http.tls !== null) loadCredentials(http.tls)
  const hasColours = isColourful(env, process.stdout.isTTY)
  let isSubmitted = configKind(asked.target ?? '') === undefined
  return {
    applications: plan.applications,
    orders: plan.orders,
    proxies: hasProxies(env) ? http.proxy.count : 0,
    isHttps: http.tls !== null,
    address: httpAddressFrom(env),
    dashboard: dashboardFrom(env).address,
    workingDir: asked.directory,
    session,
    env,
    log,
    random: given.random,
    // In the background each process shows its lines in its own file.
    print:
      starter === undefined
        ? (prefix, line) => process.stdout.write(`${showPrefix(prefix, hasColours)}${line}\n`)
        : undefined,
    submitted() {
      if (!isSubmitted) say('INFO', 'Submitted deploy config successfully.')
      isSubmitted = true
    },
    leave: (reason) => signals.raise(reason),
  }
}
