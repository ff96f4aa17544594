import { ServeError } from './errors.ts'
import type { DeploymentId, ReplicaId } from './ids.ts'
import type { Allotment, LiveConfig, Resources } from './protocol.ts'
import type { Session } from './session.ts'

/**
 * What a process is told by whoever starts it, in environment variables, so that any Procfile runner can start the
 * standing ones. Read in the main.ts files alone.
 */
export type Environment = Readonly<Record<string, string | undefined>>

export interface ReplicaSettings {
  readonly replica: ReplicaId
  readonly deployment: DeploymentId
  readonly version: string
  readonly importPath: string
  readonly workingDir: string
  readonly config: string
  readonly live: LiveConfig
  readonly allotment: Allotment
  readonly startTimeoutMs: number
  readonly drainTimeoutMs: number
}

/** BATOID_SESSION_DIR, or one place a user, so that the lines of a Procfile find each other without being told. */
export function sessionFrom(env: Environment, temporaryDirectory: string, user: () => string): Session {
  return { directory: env['BATOID_SESSION_DIR'] ?? `${sessionRoot(temporaryDirectory, user())}/procfile` }
}

/** Where the sessions of a user lie when nothing else is said. */
export function sessionRoot(temporaryDirectory: string, user: string): string {
  return `${temporaryDirectory}/batoid-${user}`
}

/** Whether our launcher holds the other end of the lifeline. */
export function isLaunched(env: Environment): boolean {
  return env['BATOID_LAUNCHED'] === '1'
}

/** The import path that the controller runs by itself when no launcher tells it what to run. */
export function applicationFrom(env: Environment): string | undefined {
  return isLaunched(env) ? undefined : env['BATOID_APPLICATION']
}

export interface HttpAddress {
  readonly host: string
  readonly port: number
}

export function httpAddressFrom(env: Environment): HttpAddress {
  return { host: env['BATOID_HTTP_HOST'] ?? '127.0.0.1', port: integer(env, 'BATOID_HTTP_PORT', 8000, 65_535) }
}

/** How a proxy serves HTTP; the first two are Ray's `http_options`. */
export interface HttpSettings {
  /** A request that takes longer is answered 408; null: any time. */
  readonly requestTimeoutS: number | null
  /** How long an idle connection of a client is kept. */
  readonly keepAliveTimeoutS: number
  /** Which of how many proxies on the same listening socket this one is, from 0 on. */
  readonly proxy: { readonly index: number; readonly count: number }
}

/** As the reference; above what load balancers in front of it usually keep (60 s), so that they are the ones to close. */
const KEEP_ALIVE_S = 90

export function httpSettingsFrom(env: Environment): HttpSettings {
  const timeoutS = seconds(env, 'BATOID_REQUEST_TIMEOUT_S')
  return {
    requestTimeoutS: timeoutS === 0 ? null : (timeoutS ?? null),
    keepAliveTimeoutS: seconds(env, 'BATOID_KEEP_ALIVE_TIMEOUT_S') ?? KEEP_ALIVE_S,
    proxy: {
      index: integer(env, 'BATOID_PROXY_INDEX', 0, 1023),
      count: Math.max(1, integer(env, 'BATOID_PROXIES', 1, 1024)),
    },
  }
}

/** Logical CPUs that replicas may take. */
export function cpusFrom(env: Environment, available: number): number {
  const text = env['BATOID_NUM_CPUS']
  if (text === undefined) return available
  const cpus = Number(text)
  if (text.trim() !== '' && cpus >= 0 && Number.isFinite(cpus)) return cpus
  throw new ServeError('bad_usage', `BATOID_NUM_CPUS is '${text}', but must be a number, 0 or more`)
}

/** The GPUs that replicas may use: as many of those there are as BATOID_NUM_GPUS says. */
export function gpusFrom(env: Environment, installed: readonly string[]): readonly string[] {
  const visible = env['CUDA_VISIBLE_DEVICES']
  const all = visible === undefined ? installed : visible.split(',').flatMap((name) => name.trim() || [])
  const count = integer(env, 'BATOID_NUM_GPUS', all.length, 1024)
  // More than there are: for a machine whose GPUs cannot be seen from here.
  return Array.from({ length: count }, (_, n) => all[n] ?? String(n))
}

/** Custom resources of this machine, as JSON: `{"licence": 2}`. */
export function resourcesFrom(env: Environment): Resources {
  const text = env['BATOID_RESOURCES']
  if (text === undefined) return {}
  try {
    const entries = Object.entries(JSON.parse(text) as object)
    if (entries.every(([, amount]) => typeof amount === 'number' && amount >= 0)) return Object.fromEntries(entries)
  } catch {
    // Said below.
  }
  throw new ServeError('bad_usage', `BATOID_RESOURCES is '${text}', but must be JSON like {"licence": 2}`)
}

/** systemd's protocol: file descriptor 3 is a listening socket, if LISTEN_PID says that we are meant. */
export function inheritedSocket(env: Environment, pid: number): number | undefined {
  return env['LISTEN_PID'] === String(pid) && Number(env['LISTEN_FDS']) >= 1 ? 3 : undefined
}

/** The file with the settings of a replica: an environment variable would not hold a large `userConfig`. */
export function replicaSettingsFile(env: Environment): string {
  const path = env['BATOID_REPLICA']
  if (path === undefined) throw new ServeError('internal', 'a replica is started by the controller, not by hand')
  return path
}

function integer(env: Environment, name: string, fallback: number, max: number): number {
  const text = env[name]
  if (text === undefined) return fallback
  const value = Number(text)
  if (/^\d+$/.test(text) && value <= max) return value
  throw new ServeError('bad_usage', `${name} is '${text}', but must be an integer from 0 to ${max}`)
}

function seconds(env: Environment, name: string): number | undefined {
  const text = env[name]
  if (text === undefined) return undefined
  const value = Number(text)
  if (text.trim() !== '' && value >= 0 && Number.isFinite(value)) return value
  throw new ServeError('bad_usage', `${name} is '${text}', but must be a number of seconds, 0 or more`)
}
