import type { z } from 'zod'

type Schema = z.core.$ZodType
type Values = Readonly<Record<string, unknown>>

/** What a schema wants of a value, as far as FastAPI's messages and its reading of a query depend on it. */
export type Wanted = 'integer' | 'enum' | 'scalar' | 'list' | 'other'

export function wanted(schema: Schema | undefined): Wanted {
  const inner = schema && unwrapped(schema)
  switch (inner?._zod.def.type) {
    case 'number':
      return 'isInt' in inner && inner.isInt === true ? 'integer' : 'scalar'
    case 'bigint':
      return 'integer'
    case 'enum':
      return 'enum'
    case 'string':
    case 'boolean':
    case 'date':
    case 'literal':
      return 'scalar'
    case 'array':
    case 'tuple':
      return 'list'
    default:
      return 'other'
  }
}

/** The schema of the value at `path`; `undefined` where that depends on the value, as in a union. */
export function schemaAt(schema: Schema, path: readonly PropertyKey[]): Schema | undefined {
  return path.reduce<Schema | undefined>((outer, key) => outer && member(unwrapped(outer), key), schema)
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
  switch (want) {
    case 'list':
      return [value].flat()
    case 'other':
      return value
    default:
      return Array.isArray(value) ? value.at(-1) : value
  }
}

function member(schema: Schema, key: PropertyKey): Schema | undefined {
  const def = definition(schema)
  switch (def.type) {
    case 'object':
      return Object.hasOwn(def.shape, key) ? def.shape[String(key)] : def.catchall
    case 'array':
      return def.element
    case 'tuple':
      return def.items[Number(key)] ?? def.rest ?? undefined
    case 'record':
      return def.valueType
    default:
      return undefined
  }
}

/** Without what changes nothing about what the value has to be when it is there. */
function unwrapped(schema: Schema): Schema {
  const def = definition(schema)
  switch (def.type) {
    case 'optional':
    case 'nullable':
    case 'nonoptional':
    case 'default':
    case 'prefault':
    case 'catch':
    case 'readonly':
      return unwrapped(def.innerType)
    case 'lazy':
      return unwrapped(def.getter())
    case 'pipe':
      return unwrapped(def.in._zod.def.type === 'transform' ? def.out : def.in)
    default:
      return schema
  }
}

/** Zod types a schema by its output; what it is made of is the union that its own reflection uses. */
const definition = (schema: Schema): z.core.$ZodTypes['_zod']['def'] => (schema as z.core.$ZodTypes)._zod.def

export const isObject = (value: unknown): value is Values =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
