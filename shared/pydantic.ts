import type { z } from 'zod'
import type { Wanted } from './schema.ts'

/** What is wrong with one value, in the words of pydantic 2.14: https://docs.pydantic.dev/latest/errors/validation_errors/ */
export interface Fault {
  readonly type: string
  readonly msg: string
  readonly ctx?: Readonly<Record<string, unknown>>
}

export function fault(type: string, msg: string, ctx?: Fault['ctx']): Fault {
  return ctx ? { type, msg, ctx } : { type, msg }
}

/** Says what zod found. `want` decides what a number that is not one should have been. */
export function faultOf(issue: z.core.$ZodIssue, value: unknown, want: Wanted): Fault {
  switch (issue.code) {
    case 'invalid_type':
      return wrongType(issue, value, want)
    case 'too_small':
      return outOfBounds(issue.origin, value, issue.inclusive ? 'ge' : 'gt', Number(issue.minimum)) ?? valueError(issue)
    case 'too_big':
      return outOfBounds(issue.origin, value, issue.inclusive ? 'le' : 'lt', Number(issue.maximum)) ?? valueError(issue)
    case 'invalid_value':
      return wrongValue(issue, want)
    case 'not_multiple_of': {
      // oxlint-disable-next-line typescript/no-unnecessary-type-conversion -- a bigint at times, which JSON cannot say
      const divisor = Number(issue.divisor)
      return fault('multiple_of', `Input should be a multiple of ${divisor}`, { multiple_of: divisor })
    }
    case 'invalid_format':
      return issue.format === 'regex' && issue.pattern !== undefined ? mismatch(issue.pattern) : valueError(issue)
    case 'custom':
    case 'invalid_element':
    case 'invalid_key':
    case 'invalid_union':
    case 'unrecognized_keys':
      return valueError(issue)
  }
}

export const missing = fault('missing', 'Field required')
export const extraForbidden = fault('extra_forbidden', 'Extra inputs are not permitted')

/** What pydantic says of a validator written by hand; here of everything that has no word of its own. */
const valueError = ({ message }: { readonly message: string }): Fault =>
  fault('value_error', `Value error, ${message}`, { error: {} })

/** A union whose members are told apart by the value of one field, which is absent or none of `tags`. */
export function wrongTag(name: string, tag: unknown, tags: readonly unknown[]): Fault {
  const discriminator = repr(name)
  if (tag === undefined)
    return fault('union_tag_not_found', `Unable to extract tag using discriminator ${discriminator}`, { discriminator })
  const expected = tags.map(repr).join(', ')
  const sent = typeof tag === 'string' ? tag : JSON.stringify(tag)
  return fault(
    'union_tag_invalid',
    `Input tag '${sent}' found using ${discriminator} does not match any of the expected tags: ${expected}`,
    { discriminator, tag: sent, expected_tags: expected },
  )
}

function wrongType(issue: z.core.$ZodIssueInvalidType, value: unknown, want: Wanted): Fault {
  const { expected } = issue
  if (expected === 'int' || expected === 'bigint') return wrongInteger(value)
  if (expected === 'number') return want === 'integer' ? wrongInteger(value) : wrongNumber(value)
  if (expected === 'boolean') return wrongBoolean(value)
  return wrongTypes[expected] ?? valueError(issue)
}

const wrongTypes: Readonly<Record<string, Fault>> = {
  string: fault('string_type', 'Input should be a valid string'),
  array: fault('list_type', 'Input should be a valid list'),
  tuple: fault('tuple_type', 'Input should be a valid tuple'),
  set: fault('set_type', 'Input should be a valid set'),
  record: fault('dict_type', 'Input should be a valid dictionary'),
  map: fault('dict_type', 'Input should be a valid dictionary'),
  object: fault('model_attributes_type', 'Input should be a valid dictionary or object to extract fields from'),
  date: fault('datetime_type', 'Input should be a valid datetime'),
  null: fault('none_required', 'Input should be None'),
}

const unreadableBoolean = fault('bool_parsing', 'Input should be a valid boolean, unable to interpret input')

function wrongBoolean(value: unknown): Fault {
  if (typeof value === 'string' || typeof value === 'number') return unreadableBoolean
  return fault('bool_type', 'Input should be a valid boolean')
}

function wrongInteger(value: unknown): Fault {
  if (typeof value === 'number' && !Number.isInteger(value))
    return fault('int_from_float', 'Input should be a valid integer, got a number with a fractional part')
  if (typeof value === 'string' && !/^\s*[+-]?\d+\s*$/.test(value))
    return fault('int_parsing', 'Input should be a valid integer, unable to parse string as an integer')
  return fault('int_type', 'Input should be a valid integer')
}

function wrongNumber(value: unknown): Fault {
  if (typeof value === 'string' && (value.trim() === '' || Number.isNaN(Number(value))))
    return fault('float_parsing', 'Input should be a valid number, unable to parse string as a number')
  return fault('float_type', 'Input should be a valid number')
}

const relations = {
  ge: { name: 'greater_than_equal', reads: 'greater than or equal to', length: 'short' },
  gt: { name: 'greater_than', reads: 'greater than', length: 'short' },
  le: { name: 'less_than_equal', reads: 'less than or equal to', length: 'long' },
  lt: { name: 'less_than', reads: 'less than', length: 'long' },
} as const

/** `undefined` for what pydantic does not bound, such as a file. */
function outOfBounds(
  origin: string,
  value: unknown,
  relation: keyof typeof relations,
  bound: number,
): Fault | undefined {
  const { name, reads, length } = relations[relation]
  const key = length === 'short' ? 'min_length' : 'max_length'
  const limit = length === 'short' ? 'at least' : 'at most'
  switch (origin) {
    case 'number':
    case 'int':
    case 'bigint':
      return fault(name, `Input should be ${reads} ${bound}`, { [relation]: bound })
    case 'string':
      return fault(`string_too_${length}`, `String should have ${limit} ${count(bound, 'character')}`, { [key]: bound })
    case 'array': {
      const actual = Array.isArray(value) ? value.length : 0
      const msg = `List should have ${limit} ${count(bound, 'item')} after validation, not ${actual}`
      return fault(`too_${length}`, msg, { field_type: 'List', [key]: bound, actual_length: actual })
    }
    default:
      return undefined
  }
}

function wrongValue(issue: z.core.$ZodIssueInvalidValue, want: Wanted): Fault {
  if ('expected' in issue && issue.expected === 'stringbool') return unreadableBoolean
  const names = issue.values.map(repr)
  const expected = names.length > 1 ? `${names.slice(0, -1).join(', ')} or ${names.at(-1)}` : names.join()
  return fault(want === 'enum' ? 'enum' : 'literal_error', `Input should be ${expected}`, { expected })
}

/** Zod gives the pattern as `/…/flags`, pydantic as it was written. */
function mismatch(source: string): Fault {
  const pattern = source.replace(/^\/(.*)\/[a-z]*$/s, '$1')
  return fault('string_pattern_mismatch', `String should match pattern '${pattern}'`, { pattern })
}

const count = (n: number, noun: string): string => `${n} ${noun}${n === 1 ? '' : 's'}`

/** Python's way of writing a value. */
function repr(value: unknown): string {
  switch (value) {
    case true:
      return 'True'
    case false:
      return 'False'
    case null:
      return 'None'
    default:
      return typeof value === 'string' ? `'${value}'` : String(value)
  }
}
