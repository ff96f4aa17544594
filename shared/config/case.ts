import type { z } from 'zod'
import { memberOf, shapeOf } from '../schema.ts'

type Schema = z.core.$ZodType
type Path = readonly PropertyKey[]

/**
 * The one rule between code, which writes `numReplicas`, and configuration, which writes `num_replicas`. It goes by the
 * schema: what users name themselves, in `user_config`, `args` or `env_vars`, stays as it is.
 */
export function camelCase(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
}

/** Of a name that the rule has made. */
export function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}

export interface Renamed {
  readonly value: unknown
  /** Keys that mean nothing; they are left out of the value. */
  readonly unknown: readonly Unknown[]
}

export interface Unknown {
  readonly key: string
  /** What it was found in, by the names of the schema. */
  readonly within: Path
}

/** What code wrote, by the names of the schema. */
export function fromCamelCase(schema: Schema, value: unknown): Renamed {
  const unknown: Unknown[] = []
  return { value: rename({ schema, path: [], unknown }, value), unknown }
}

/** A path by the names of the schema, as code writes it. */
export function camelPath(schema: Schema, path: Path): Path {
  let at: Schema | undefined = schema
  return path.map((key) => {
    const isOurs = at !== undefined && shapeOf(at) !== undefined
    at = at && memberOf(at, key)
    return isOurs && typeof key === 'string' ? camelCase(key) : key
  })
}

interface Place {
  readonly schema: Schema | undefined
  readonly path: Path
  readonly unknown: Unknown[]
}

function rename(place: Place, value: unknown): unknown {
  if (place.schema === undefined || typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map((item: unknown, index) => rename(within(place, index), item))
  const shape = shapeOf(place.schema)
  if (shape === undefined) return value
  const names = new Map(Object.keys(shape).map((name) => [camelCase(name), name]))
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, inner]): [string, unknown][] => {
      const name = names.get(key)
      if (name !== undefined) return [[name, rename(within(place, name), inner)]]
      place.unknown.push({ key, within: place.path })
      return []
    }),
  )
}

function within({ schema, path, unknown }: Place, key: PropertyKey): Place {
  return { schema: schema && memberOf(schema, key), path: [...path, key], unknown }
}
