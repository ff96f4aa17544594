import type { LiveConfig } from './config/resolved.ts'
import { ServeError } from './errors.ts'
import type { DeploymentId, ReplicaId } from './ids.ts'
import { type Network, readNetworks } from './networks.ts'
import type { Allotment, Resources } from './protocol.ts'
import type { Session } from './session.ts'
import { type Environment, from, integer, number, seconds, type Variable, word } from './variables.ts'

export interface ReplicaSettings {
  readonly replica: ReplicaId
  readonly deployment: DeploymentId
  readonly version: string
  readonly importPath: string
  readonly workingDir: string
  readonly args: Readonly<Record<string, unknown>>
  readonly envVars: Readonly<Record<string, string>>
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

/** As the reference; above what load balancers in front of it usually keep (60 s), so that they are the ones to close. */
const KEEP_ALIVE_S = 90
const MAX_PROXIES = 1024

/** Everything that a user may say of the HTTP side, Ray's `http_options` among it. */
export const httpVariables = {
  host: word('BATOID_HTTP_HOST', 'a host name or an address'),
  port: integer('BATOID_HTTP_PORT', 0, 65_535),
  requestTimeoutS: seconds('BATOID_REQUEST_TIMEOUT_S', 'a number of seconds, 0 or more', (s) => s >= 0),
  keepAliveTimeoutS: seconds(
    'BATOID_KEEP_ALIVE_TIMEOUT_S',
    'a number of seconds above 0, at most 1000000',
    (s) => s > 0 && s <= 1e6,
  ),
  sslKeyfile: word('BATOID_SSL_KEYFILE', 'a file'),
  sslCertfile: word('BATOID_SSL_CERTFILE', 'a file'),
  sslKeyfilePassword: word('BATOID_SSL_KEYFILE_PASSWORD', 'a password'),
  sslCaCerts: word('BATOID_SSL_CA_CERTS', 'a file'),
  proxies: integer('BATOID_PROXIES', 1, MAX_PROXIES),
  trustedProxies: {
    name: 'BATOID_TRUSTED_PROXIES',
    read: readNetworks,
    must: 'IP addresses or networks like 10.0.0.0/8 or fd00::/8, separated by commas',
  },
} satisfies Record<string, Variable<unknown>>

const PROXY_LOCATIONS = ['Disabled', 'HeadOnly', 'EveryNode'] as const

/** Ray's word for where proxies run; on one machine the last two are the same. */
export const proxyLocation: Variable<(typeof PROXY_LOCATIONS)[number]> = {
  name: 'BATOID_PROXY_LOCATION',
  read: (text) => PROXY_LOCATIONS.find((location) => location === text),
  must: 'Disabled, HeadOnly or EveryNode',
}

/** Whether anything is served over HTTP. */
export function hasProxies(env: Environment): boolean {
  return from(env, proxyLocation, 'EveryNode') !== 'Disabled'
}

/** Which of the proxies this one is: told to each by whoever starts several. */
const proxyIndex = integer('BATOID_PROXY_INDEX', 0, MAX_PROXIES - 1)

export interface HttpAddress {
  readonly host: string
  readonly port: number
}

export function httpAddressFrom(env: Environment): HttpAddress {
  return { host: from(env, httpVariables.host, '127.0.0.1'), port: from(env, httpVariables.port, 8000) }
}

/** The files of TLS, as the reference names them. */
export interface TlsFiles {
  readonly keyfile: string
  readonly certfile: string
  readonly keyfilePassword: string | undefined
  /** If there is one, clients must show a certificate that one of these has signed. */
  readonly caCerts: string | undefined
}

/** How a proxy serves HTTP; the first three are Ray's `http_options`. */
export interface HttpSettings {
  /** A request that takes longer is answered 408; null: any time. */
  readonly requestTimeoutS: number | null
  /** How long an idle connection of a client is kept. */
  readonly keepAliveTimeoutS: number
  /** null: HTTP without TLS. */
  readonly tls: TlsFiles | null
  /** Addresses and networks of the proxies in front, whose word about the client is passed on. */
  readonly trustedProxies: readonly Network[]
  /** Which of how many proxies on the same listening socket this one is, from 0 on. */
  readonly proxy: { readonly index: number; readonly count: number }
}

export function httpSettingsFrom(env: Environment): HttpSettings {
  const timeoutS = from(env, httpVariables.requestTimeoutS, 0)
  const index = from(env, proxyIndex, 0)
  const count = from(env, httpVariables.proxies, 1)
  if (index >= count) {
    throw new ServeError(
      'bad_usage',
      `${proxyIndex.name} is ${index}, but must be below BATOID_PROXIES, which is ${count}`,
    )
  }
  return {
    requestTimeoutS: timeoutS === 0 ? null : timeoutS,
    keepAliveTimeoutS: from(env, httpVariables.keepAliveTimeoutS, KEEP_ALIVE_S),
    tls: tlsFrom(env),
    trustedProxies: from(env, httpVariables.trustedProxies, []),
    proxy: { index, count },
  }
}

function tlsFrom(env: Environment): TlsFiles | null {
  const files = {
    keyfile: from(env, httpVariables.sslKeyfile, undefined),
    certfile: from(env, httpVariables.sslCertfile, undefined),
    keyfilePassword: from(env, httpVariables.sslKeyfilePassword, undefined),
    caCerts: from(env, httpVariables.sslCaCerts, undefined),
  }
  const { keyfile, certfile } = files
  if (keyfile !== undefined && certfile !== undefined) return { ...files, keyfile, certfile }
  if (Object.values(files).every((file) => file === undefined)) return null
  throw new ServeError(
    'bad_usage',
    'HTTPS needs both a key and a certificate: --ssl-keyfile and --ssl-certfile, or BATOID_SSL_KEYFILE and BATOID_SSL_CERTFILE',
  )
}

/** Logical CPUs that replicas may take. */
export const numCpus: Variable<number> = {
  name: 'BATOID_NUM_CPUS',
  read: (text) => number(text, (cpus) => cpus >= 0),
  must: 'a number, 0 or more',
}

export function cpusFrom(env: Environment, available: number): number {
  return from(env, numCpus, available)
}

/** GPUs that replicas may take. */
export const numGpus = integer('BATOID_NUM_GPUS', 0, 1024)

/** The names of the GPUs that replicas may use: as many of those there are as is said. */
export function gpusFrom(env: Environment, installed: readonly string[]): readonly string[] {
  const visible = env['CUDA_VISIBLE_DEVICES']
  const all = visible === undefined ? installed : visible.split(',').flatMap((name) => name.trim() || [])
  // More than there are: for a machine whose GPUs cannot be seen from here.
  return Array.from({ length: from(env, numGpus, all.length) }, (_, n) => all[n] ?? String(n))
}

/** Custom resources of this machine. */
export const customResources: Variable<Resources> = {
  name: 'BATOID_RESOURCES',
  read: readResources,
  must: 'JSON like {"licence": 2}',
}

export function resourcesFrom(env: Environment): Resources {
  return from(env, customResources, {})
}

function readResources(text: string): Resources | undefined {
  try {
    const entries = Object.entries(Object(JSON.parse(text)))
    return entries.every(([, amount]) => typeof amount === 'number' && amount >= 0)
      ? (Object.fromEntries(entries) as Resources)
      : undefined
  } catch {
    return undefined
  }
}

/** systemd's protocol: file descriptor 3 is a listening socket, if LISTEN_PID says that we are meant. */
export function inheritedSocket(env: Environment, pid: number): number | undefined {
  return env['LISTEN_PID'] === String(pid) && Number(env['LISTEN_FDS']) >= 1 ? 3 : undefined
}

/** On this descriptor a replica reads its settings: an environment variable would not hold a large `userConfig`, a full disk none. */
export const REPLICA_SETTINGS_FD = 3
