import { readFileSync } from 'node:fs'
import * as z from 'zod'

/** The answer of the reference, from which the schema of ours is made. */
export const GOLDEN: unknown = JSON.parse(readFileSync('test/golden/ray-serve-applications.json', 'utf8'))

/** Mappings from names to values of one kind; what the values hold is the same at all names. */
const RECORDS = /^(proxies|applications|applications\.\*\.deployments|applications\.\*\.deployment_topology\.nodes)$/
/** Whatever a user says, or the machine has. */
const FREE = /(user_config|required_resources|request_router_kwargs|deployed_app_config|ray_actor_options)$/
/** What is said only where it applies. */
const OPTIONAL = new Set(['num_replicas', 'autoscaling_config'])
/** The reference's measurements are empty where nothing was measured. */
const MEASURED = /^controller_health_metrics\..*_(s|ms)$/
/** What may be absent, though the reference's example has it. */
const NULLABLE =
  /(deployed_app_config|pid|request_timeout_s|retry_after_s|actor_id|worker_id|log_file_path|route_prefix)$/

/** Every object has the keys that the golden one has at its place, and no others. */
export function goldenSchema(value: unknown = GOLDEN, path = ''): z.ZodType {
  if (NULLABLE.test(path)) return plain(value, path).nullable()
  return plain(value, path)
}

function plain(value: unknown, path: string): z.ZodType {
  if (FREE.test(path)) return z.unknown().refine((found) => found !== undefined, 'is missing')
  if (Array.isArray(value)) return z.array(value.length === 0 ? z.unknown() : goldenSchema(value[0], `${path}.*`))
  if (typeof value === 'object' && value !== null) return object(value, path)
  if (value === null) return z.unknown().refine((found) => found !== undefined, 'is missing')
  return typeof value === 'number' ? z.number() : typeof value === 'boolean' ? z.boolean() : z.string()
}

function object(value: object, path: string): z.ZodType {
  const within = (key: string) => (path === '' ? key : `${path}.${key}`)
  if (RECORDS.test(path)) return z.record(z.string(), goldenSchema(Object.values(value)[0], within('*')))
  const shape = Object.entries(value).map(([key, inner]) => {
    const schema = goldenSchema(inner, within(key))
    return [key, OPTIONAL.has(key) ? schema.optional() : schema] as const
  })
  const strict = z.strictObject(Object.fromEntries(shape))
  return MEASURED.test(path) ? z.union([strict, z.strictObject({})]) : strict
}
