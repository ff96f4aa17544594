import { type Environment, httpVariables } from '../shared/settings.ts'
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
  /** The listening socket that all proxies share. */
  readonly sockets: readonly number[]
}

const PREFIXES: Readonly<Record<string, string>> = { controller: 'ServeController', proxy: 'ProxyActor' }

/** The lines of the Procfile as processes: as many proxies as are wanted, of everything else one. */
export function standing(entries: readonly ProcfileEntry[], { env, proxies, sockets }: Wanted): Standing[] {
  const others = withoutSecrets(env)
  return entries.flatMap(({ name, command }): Standing[] => {
    const isProxy = name === 'proxy'
    const common = { name, isProxy, command, prefix: PREFIXES[name] ?? name }
    if (!isProxy) return [{ ...common, env: others, sockets: [] }]
    return Array.from({ length: proxies }, (_, index) => ({
      ...common,
      name: index === 0 ? name : `${name}-${index + 1}`,
      env: { ...env, BATOID_PROXY_INDEX: String(index) },
      sockets,
    }))
  })
}

/** What user code is not to find in its environment: replicas and the build inherit theirs. */
export function withoutSecrets(env: Environment): Environment {
  const { [httpVariables.sslKeyfilePassword.name]: _, ...rest } = env
  return rest
}
