import { dashboardVariables } from '../shared/dashboard.ts'
import { withoutSecrets } from '../shared/secrets.ts'
import type { Session } from '../shared/session.ts'
import { type HttpAddress, httpVariables } from '../shared/settings.ts'
import type { Environment } from '../shared/variables.ts'
import type { ProcfileEntry } from './procfile.ts'

/** A process that is kept alive, and how it is started. */
export interface Standing {
  /** Unique: `controller`, `proxy`, `proxy-2`, … */
  readonly name: string
  readonly isProxy: boolean
  readonly command: string
  /** What stands before its lines on the terminal, in Ray's words. */
  readonly prefix: string
  readonly env: Environment
  /** Descriptors 3 and up, by systemd's protocol. */
  readonly sockets: readonly number[]
}

export interface Wanted {
  readonly env: Environment
  readonly proxies: number
  /** The listening socket that all proxies share, */
  readonly sockets: readonly number[]
  /** and the one of the REST API. */
  readonly dashboardSockets: readonly number[]
}

/** What of a cluster its processes are told. */
interface ClusterFacts {
  readonly env: Environment
  readonly session: Session
  readonly address: HttpAddress
  readonly dashboard: HttpAddress
  readonly workingDir: string
  readonly proxies: number
}

export function clusterEnvironment({
  env,
  session,
  address,
  dashboard,
  workingDir,
  proxies,
}: ClusterFacts): Environment {
  return {
    ...env,
    BATOID_LAUNCHED: '1',
    BATOID_SESSION_DIR: session.directory,
    BATOID_HTTP_HOST: address.host,
    BATOID_HTTP_PORT: String(address.port),
    BATOID_DASHBOARD_HOST: dashboard.host,
    BATOID_DASHBOARD_PORT: String(dashboard.port),
    BATOID_WORKING_DIR: workingDir,
    ...(proxies === 0 ? { BATOID_PROXY_LOCATION: 'Disabled' } : {}),
  }
}

const PREFIXES: Readonly<Record<string, string>> = { controller: 'ServeController', proxy: 'ProxyActor' }

/** The lines of the Procfile as processes: as many proxies as are wanted, of everything else one. */
export function standing(entries: readonly ProcfileEntry[], wanted: Wanted): Standing[] {
  return entries.flatMap(({ name, command }): Standing[] => {
    const isProxy = name === 'proxy'
    const common = { name, isProxy, command, prefix: PREFIXES[name] ?? name }
    if (!isProxy) return [{ ...common, ...own(name, wanted) }]
    return Array.from({ length: wanted.proxies }, (_, index) => ({
      ...common,
      name: index === 0 ? name : `${name}-${index + 1}`,
      env: { ...without(wanted.env, dashboardVariables.token.name), BATOID_PROXY_INDEX: String(index) },
      sockets: wanted.sockets,
    }))
  })
}

/** Each secret is told to those alone that need it. */
function own(name: string, { env, dashboardSockets }: Wanted): Pick<Standing, 'env' | 'sockets'> {
  if (name !== 'controller') return { env: withoutSecrets(env), sockets: [] }
  return { env: without(env, httpVariables.sslKeyfilePassword.name), sockets: dashboardSockets }
}

function without(env: Environment, name: string): Environment {
  const { [name]: _, ...rest } = env
  return rest
}
