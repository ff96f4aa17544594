import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { dashboardVariables } from '../shared/dashboard.ts'
import { messageOf, ServeError } from '../shared/errors.ts'
import { dashboardFile, type Session } from '../shared/session.ts'
import { sessionRoot } from '../shared/settings.ts'
import { userName } from '../shared/user.ts'
import type { Environment } from '../shared/variables.ts'
import { CutOff, exchange, type Method, Timeout } from './exchange.ts'

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
    this.address = (where.address === undefined ? addressOf(where) : checkedAddress(where.address)).replace(/\/+$/, '')
    this.#token = env[dashboardVariables.token.name]
  }

  async details(): Promise<InstanceDetails> {
    return await this.#askFor<InstanceDetails>('GET', APPLICATIONS, 'applications')
  }

  async declare(config: object): Promise<void> {
    await this.#ask('PUT', APPLICATIONS, config)
  }

  async deleteAll(): Promise<void> {
    await this.#ask('DELETE', APPLICATIONS)
  }

  /** Has the whole cluster end. */
  async end(): Promise<{ readonly launcherPid: number }> {
    const { launcher_pid: launcherPid } = await this.#askFor<EndAnswer>('POST', '/api/v1/shutdown', 'launcher_pid')
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

  async #ask(method: Method, path: string, body?: object): Promise<string> {
    const headers = {
      ...(this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    }
    // Its answer is waited for without end, so that somebody has to be there.
    if (method === 'DELETE') await this.#ask('GET', '/api/healthz')
    const question = { method, headers, body: body && JSON.stringify(body) }
    const { status, text } = await exchange(this.address + path, question).catch((error: unknown) => {
      throw notAnswered(`${method} ${path}`, this.address, error)
    })
    if (status >= 200 && status < 300) return text
    throw new ServeError('refused', problemIn(text) ?? `${method} ${path} was answered ${status}`)
  }

  /** The answer, which has what is expected of it: anything may listen at an address. */
  async #askFor<T extends object>(method: Method, path: string, key: keyof T & string): Promise<T> {
    const answer = parsed(await this.#ask(method, path))
    if (typeof answer === 'object' && answer !== null && key in answer) return answer as T
    throw new ServeError(
      'no_cluster',
      `what listens at ${this.address} is no cluster: its answer to ${method} ${path} is not one of batoid`,
    )
  }
}

function notAnswered(what: string, address: string, error: unknown): ServeError {
  if (error instanceof Timeout)
    return new ServeError('channel_timeout', `the cluster at ${address} did not answer ${what} in time`)
  if (error instanceof CutOff)
    return new ServeError('no_cluster', `the cluster at ${address} went away while it answered ${what}`)
  return new ServeError('no_cluster', `no cluster answers at ${address}: ${messageOf(error)}`)
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function codeOf(cause: unknown): unknown {
  return cause instanceof Error && 'code' in cause ? cause.code : undefined
}

/** What an answer says of what went wrong. */
function problemIn(text: string): string | undefined {
  const answer = parsed(text)
  if (answer === undefined) return text === '' ? undefined : text
  const { error } = Object(answer) as { error?: unknown }
  return typeof error === 'string' ? error : undefined
}

/** As a URL, which may be printed. */
function checkedAddress(text: string): string {
  const url = /^https?:\/\//.test(text) ? text : `http://${text}`
  if (!URL.canParse(url)) throw wrongAddress('must be the URL of a REST API')
  const { username, password } = new URL(url)
  if (username !== '' || password !== '')
    throw wrongAddress('takes no user and password: a token goes into BATOID_AUTH_TOKEN')
  return url
}

function wrongAddress(what: string): ServeError {
  return new ServeError('bad_usage', `--address ${what}, for example http://127.0.0.1:8265`)
}

/** Of the cluster that was started last and has not ended, unless another is said. */
function addressOf(where: Whereabouts): string {
  const session = sessionOf(where)
  const others = where.sessionDir === undefined ? sessionsBeside(session) : []
  for (const one of [session, ...others]) {
    const address = addressIn(one)
    if (address !== undefined) return address
  }
  throw new ServeError(
    'no_cluster',
    `no cluster runs in ${session.directory}: start one with batoid run, or say where it is with --address or --session-dir`,
  )
}

/** The newest first, as their names have it. */
function sessionsBeside({ directory }: Session): Session[] {
  const root = dirname(directory)
  const names = existsSync(root) ? readdirSync(root).filter((name) => /^session_\d/.test(name)) : []
  return names
    .toSorted()
    .toReversed()
    .map((name) => ({ directory: join(root, name) }))
}

/** undefined: it has ended, or never came so far. */
function addressIn(session: Session): string | undefined {
  try {
    return readFileSync(dashboardFile(session), 'utf8').trim()
  } catch {
    return undefined
  }
}
