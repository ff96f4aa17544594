import { stringify } from 'yaml'
import { OPTION_DEFAULTS } from '../shared/config/defaults.ts'
import { snakeCase } from '../shared/config/case.ts'
import type { ServeConfig } from '../shared/config/schema.ts'
import type { ApplicationSpec } from '../shared/protocol.ts'
import { isObject } from '../shared/schema.ts'
import type { ApplicationDetails, InstanceDetails } from './client.ts'

/** As a file of Ray Serve's, one document. */
export function showConfig(config: ServeConfig | ServeConfig['applications'][number] | object): string {
  return stringify(config, { singleQuote: true, lineWidth: 0 })
}

/** What `status` shows of a cluster. */
export function statusOf({ proxies, applications, target_capacity }: InstanceDetails) {
  return {
    proxies: mapped(proxies, ({ status }) => status),
    applications: mapped(applications, applicationStatusOf),
    target_capacity,
  }
}

export function applicationStatusOf({ status, message, last_deployed_time_s, deployments }: ApplicationDetails) {
  const own = mapped(deployments, (deployment) => ({
    status: deployment.status,
    status_trigger: deployment.status_trigger,
    replica_states: counted(deployment.replicas.map(({ state }) => state)),
    message: deployment.message,
  }))
  return { status, message, last_deployed_time_s, deployments: own }
}

/** An application as a configuration: of its options, those that are not as they are when nothing is said. */
export function declarationOf({ name, routePrefix, importPath, args, deployments }: ApplicationSpec) {
  return {
    name,
    route_prefix: routePrefix,
    import_path: importPath,
    ...(Object.keys(args).length > 0 ? { args } : {}),
    deployments: deployments.map((one) => ({ name: one.name, ...saidOf(one.options, OPTION_DEFAULTS) })),
  }
}

/** What is in them has the names that users gave it. */
const NAMED_BY_USERS = new Set(['userConfig', 'resources', 'envVars'])

function saidOf(options: object, defaults: object): object {
  const said = Object.entries(options).flatMap(([key, value]: [string, unknown]) => {
    const fallback: unknown = Reflect.get(defaults, key)
    if (JSON.stringify(value) === JSON.stringify(fallback)) return []
    const isGroup = isObject(value) && !NAMED_BY_USERS.has(key)
    return [[snakeCase(key), isGroup ? saidOf(value, isObject(fallback) ? fallback : {}) : value]]
  })
  return Object.fromEntries(said)
}

function mapped<T, U>(from: Readonly<Record<string, T>>, to: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(from).map(([key, value]) => [key, to(value)]))
}

function counted(words: readonly string[]): Record<string, number> {
  return Object.fromEntries([...new Set(words)].map((word) => [word, words.filter((other) => other === word).length]))
}
