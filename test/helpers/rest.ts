import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { eventually } from './eventually.ts'

/** What a test asks of an answer of `GET /api/serve/applications/`. */
export interface InstanceDetails {
  readonly applications: Readonly<Record<string, ApplicationDetails>>
}

interface ApplicationDetails {
  readonly status: string
  readonly last_deployed_time_s: number
  readonly message: string
  readonly source: string
  readonly deployed_app_config: object | null
  readonly deployments: Readonly<Record<string, DeploymentDetails>>
}

interface DeploymentDetails {
  readonly status: string
  readonly target_num_replicas: number
  readonly replicas: readonly { readonly pid: number; readonly state: string }[]
  readonly recent_dead_replicas: readonly object[]
}

/** The REST API of a cluster, once it is there. */
export async function restOf(session: string) {
  const url = await eventually(() => readFileSync(join(session, 'dashboard'), 'utf8').trim(), { withinMs: 25_000 })
  const ask = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
    const json = body === undefined ? {} : { body: JSON.stringify(body) }
    const type = body === undefined ? {} : { 'content-type': 'application/json' }
    const response = await fetch(url + path, { method, headers: { ...type, ...headers }, ...json })
    return { status: response.status, text: await response.text() }
  }
  const details = async () => JSON.parse((await ask('GET', '/api/serve/applications/')).text) as InstanceDetails
  const put = (config: object) => ask('PUT', '/api/serve/applications/', config)
  const becomes = (name: string, status: string) =>
    eventually(async () => (await details()).applications[name]?.status === status, { withinMs: 20_000 })
  return { url, ask, details, put, becomes }
}
