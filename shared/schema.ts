import type { z } from 'zod'

type Schema = z.core.$ZodType

/** What a schema wants of a value, as far as FastAPI's messages and its reading of a query depend on it. */
export type Wanted = 'integer' | 'enum' | 'scalar' | 'list' | 'other'

const wants: Readonly<Record<string, Wanted>> = {
  bigint: 'integer',
  enum: 'enum',
  number: 'scalar',
  string: 'scalar',
  boolean: 'scalar',
  date: 'scalar',
  literal: 'scalar',
  array: 'list',
  tuple: 'list',
}

export function wanted(schema: Schema | undefined): Wanted {
  if (schema === undefined) return 'other'
  const inner = unwrapped(schema)
  if ('isInt' in inner && inner.isInt === true) return 'integer'
  return wants[definition(inner).type] ?? 'other'
}

/** The schema of the value at `path`; `undefined` where that depends on the value, as in a union. */
export function schemaAt(schema: Schema, path: readonly PropertyKey[]): Schema | undefined {
  return path.reduce<Schema | undefined>((outer, key) => outer && memberOf(outer, key), schema)
}

/**
 * A query as FastAPI reads it: of a name that was given several times the last value counts, unless its schema wants a
 * list; then a single value is a list of one. Hono gives a string for one value and an array for several.
 */
export function queryValues(schema: Schema, query: unknown): unknown {
  if (!isObject(query)) return query
  return Object.fromEntries(
    Object.entries(query).map(([name, value]) => [name, oneOrAll(wanted(schemaAt(schema, [name])), value)]),
  )
}

function oneOrAll(want: Wanted, value: unknown): unknown {
  if (want === 'list') return [value].flat()
  return want !== 'other' && Array.isArray(value) ? value.at(-1) : value
}

/** The names of an object and their schemas; `undefined` where users choose the names, and where there are none. */
export function shapeOf(schema: Schema): Readonly<Record<string, Schema>> | undefined {
  const def = definition(unwrapped(schema))
  return def.type === 'object' ? def.shape : undefined
}

/** The schema of what lies one level deeper. */
export function memberOf(schema: Schema, key: PropertyKey): Schema | undefined {
  const def = definition(unwrapped(schema))
  if (def.type === 'object') return Object.hasOwn(def.shape, key) ? def.shape[String(key)] : def.catchall
  if (def.type === 'array') return def.element
  if (def.type === 'tuple') return def.items[Number(key)] ?? def.rest ?? undefined
  if (def.type === 'record') return def.valueType
  return undefined
}

/** Without what changes nothing about what the value has to be when it is there: optional, default, readonly, … */
function unwrapped(schema: Schema): Schema {
  const def = definition(schema)
  if ('innerType' in def) return unwrapped(def.innerType)
  if (def.type === 'lazy') return unwrapped(def.getter())
  if (def.type === 'pipe') return unwrapped(definition(def.in).type === 'transform' ? def.out : def.in)
  return schema
}

/** Zod types a schema by what it makes; this is the union of what schemas are made of that its own reflection uses. */
function definition(schema: Schema): z.core.$ZodTypes['_zod']['def'] {
  // oxlint-disable-next-line no-underscore-dangle, typescript/no-unsafe-type-assertion -- zod's own way in
  return (schema as z.core.$ZodTypes)._zod.def
}

export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
