import { readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { dashboardVariables } from '../shared/dashboard.ts'
import { messageOf, ServeError } from '../shared/errors.ts'
import { dashboardFile, type Session } from '../shared/session.ts'
import { sessionRoot } from '../shared/settings.ts'
import { userName } from '../shared/user.ts'
import type { Environment } from '../shared/variables.ts'

/** Where a cluster is, as far as the user has said. */
export interface Whereabouts {
  readonly address?: string
  readonly sessionDir?: string
}

/** What a cluster tells of itself, as far as commands look at it. */
export interface InstanceDetails {
  readonly proxies: Readonly<Record<string, { readonly status: string }>>
  readonly applications: Readonly<Record<string, ApplicationDetails>>
  readonly target_capacity: number | null
  readonly controller_health_metrics: object
}

export interface ApplicationDetails {
  readonly status: string
  readonly message: string
  readonly last_deployed_time_s: number
  readonly deployed_app_config: object | null
  readonly deployments: Readonly<Record<string, DeploymentDetails>>
}

interface DeploymentDetails {
  readonly status: string
  readonly status_trigger: string
  readonly message: string
  readonly replicas: readonly { readonly state: string }[]
}

interface EndAnswer {
  readonly launcher_pid: number
}

const LOOK_TIMEOUT_MS = 1_000
const APPLICATIONS = '/api/serve/applications/'

/** The session of the cluster that was started last, unless another is said. */
export function sessionOf({ sessionDir }: Whereabouts): Session {
  return { directory: sessionDir ?? join(sessionRoot(tmpdir(), userName()), 'session_latest') }
}

/** A running cluster, over its REST API. */
export class Client {
  readonly address: string
  readonly #token: string | undefined

  /** @throws ServeError `no_cluster` */
  constructor(where: Whereabouts, env: Environment) {
    this.address = (where.address ?? addressIn(sessionOf(where))).replace(/\/+$/, '')
    this.#token = env[dashboardVariables.token.name]
  }

  async details(): Promise<InstanceDetails> {
    return JSON.parse(await this.#ask('GET', APPLICATIONS)) as InstanceDetails
  }

  async declare(config: object): Promise<void> {
    await this.#ask('PUT', APPLICATIONS, config)
  }

  async deleteAll(): Promise<void> {
    await this.#ask('DELETE', APPLICATIONS)
  }

  /** Has the whole cluster end. */
  async end(): Promise<{ readonly launcherPid: number }> {
    const { launcher_pid: launcherPid } = JSON.parse(await this.#ask('POST', '/api/v1/shutdown')) as EndAnswer
    return { launcherPid }
  }

  /** Whether anybody answers, or might: who hangs up, or does not answer in time, is there. */
  async isThere(): Promise<boolean> {
    try {
      await fetch(`${this.address}/api/healthz`, { signal: AbortSignal.timeout(LOOK_TIMEOUT_MS) })
      return true
    } catch (error) {
      return codeOf(error instanceof Error ? error.cause : undefined) !== 'ECONNREFUSED'
    }
  }

  async delete(application: string): Promise<void> {
    await this.#ask('DELETE', `/api/v1/applications/${encodeURIComponent(application)}`)
  }

  async scale(application: string, deployment: string, replicas: number): Promise<void> {
    const path = `/api/v1/applications/${encodeURIComponent(application)}/deployments/${encodeURIComponent(deployment)}`
    await this.#ask('POST', `${path}/scale`, { target_num_replicas: replicas })
  }

  async #ask(method: string, path: string, body?: object): Promise<string> {
    const headers = {
      ...(this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    }
    const sent = body === undefined ? {} : { body: JSON.stringify(body) }
    const response = await fetch(this.address + path, { method, headers, ...sent }).catch((error: unknown) => {
      const cause = error instanceof Error && error.cause !== undefined ? error.cause : error
      if (codeOf(cause) === 'UND_ERR_HEADERS_TIMEOUT')
        throw new ServeError(
          'channel_timeout',
          `the cluster at ${this.address} did not answer ${method} ${path} in time`,
        )
      throw new ServeError('no_cluster', `no cluster answers at ${this.address}: ${messageOf(cause)}`)
    })
    const text = await response.text()
    if (response.ok) return text
    throw new ServeError('refused', problemIn(text) ?? `${method} ${path} was answered ${response.status}`)
  }
}

function codeOf(cause: unknown): unknown {
  return cause instanceof Error && 'code' in cause ? cause.code : undefined
}

/** What an answer says of what went wrong. */
function problemIn(text: string): string | undefined {
  try {
    const { error } = Object(JSON.parse(text)) as { error?: unknown }
    return typeof error === 'string' ? error : undefined
  } catch {
    return text === '' ? undefined : text
  }
}

function addressIn(session: Session): string {
  try {
    return readFileSync(dashboardFile(session), 'utf8').trim()
  } catch {
    throw new ServeError(
      'no_cluster',
      `no cluster runs in ${session.directory}: start one with batoid run, or say where it is with --address or --session-dir`,
    )
  }
}
