import { ServeError } from './errors.ts'
import { isLoopback } from './loopback.ts'
import type { HttpAddress } from './settings.ts'
import { type Environment, from, integer, secret, type Variable, word } from './variables.ts'

/** Everything that a user may say of the REST API. */
export const dashboardVariables = {
  host: word('BATOID_DASHBOARD_HOST', 'a host name or an address'),
  port: integer('BATOID_DASHBOARD_PORT', 0, 65_535),
  token: {
    name: 'BATOID_AUTH_TOKEN',
    read: (text) => (/^[\x21-\x7e]{8,}$/.test(text) ? text : undefined),
    must: 'at least 8 characters, none of them a space',
  } satisfies Variable<string>,
} satisfies Record<string, Variable<unknown>>

export interface DashboardSettings {
  readonly address: HttpAddress
  /** What clients have to know; undefined: whoever can reach it may ask. */
  readonly token: string | undefined
}

/** @throws ServeError `bad_usage` if others than this machine could ask without a token */
export function dashboardFrom(env: Environment): DashboardSettings {
  const host = from(env, dashboardVariables.host, '127.0.0.1')
  const token = secret(env, dashboardVariables.token)
  if (token === undefined && !isLoopback(host)) {
    throw new ServeError(
      'bad_usage',
      `the REST API on ${host} could be used by everybody who reaches it: set ${dashboardVariables.token.name}, or leave it on 127.0.0.1`,
    )
  }
  return { address: { host, port: from(env, dashboardVariables.port, 8265) }, token }
}

/** Of a server that is reached at this address. */
export function urlOf({ host, port }: HttpAddress): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
}
