import type { z } from 'zod'
import { extraForbidden, faultOf, missing } from '../pydantic.ts'
import { memberOf, schemaAt, shapeOf, wanted } from '../schema.ts'
import { nearest } from './nearest.ts'

type Schema = z.core.$ZodType
export type Path = readonly PropertyKey[]

/** One thing that is wrong with a configuration, in Ray Serve's words where Ray Serve has them. */
export interface Problem {
  readonly path: Path
  /** What of it is to be looked at: the key itself, or its value. */
  readonly at: 'key' | 'value'
  readonly text: string
}

/** What is wrong with `data`; nothing, if it is as the schema has it. */
export function check<T>(
  schema: z.ZodType<T>,
  data: unknown,
): { readonly value: T } | { readonly problems: Problem[] } {
  // Only for what the schema has no word of its own.
  const result = schema.safeParse(data, { error: (issue) => say(issue, schemaAt(schema, issue.path ?? [])) })
  return result.success ? { value: result.data } : { problems: problemsOf(schema, result.error.issues) }
}

function problemsOf(schema: Schema, issues: readonly z.core.$ZodIssue[]): Problem[] {
  return issues.flatMap((issue): Problem[] => {
    const { path, message } = issue
    if (issue.code !== 'unrecognized_keys') {
      const isKey = message === missing.msg || issue.code === 'invalid_key'
      return [{ path, at: isKey ? 'key' : 'value', text: message }]
    }
    return issue.keys.map((key) => ({ path: [...path, key], at: 'key', text: unknownKey(schema, path, key) }))
  })
}

function say(issue: z.core.$ZodRawIssue, schema: Schema | undefined): string {
  const { input } = issue
  if (input === undefined) return missing.msg
  // Which is the only union of ours that has no word of its own.
  if (issue.code === 'invalid_union') return 'is not JSON-serializable'
  if (issue.code === 'invalid_key') return issue.issues[0]?.message ?? 'may not be a key'
  const found = { ...issue, path: issue.path ?? [], message: issue.message ?? 'Invalid input' } as z.core.$ZodIssue
  const text = faultOf(found, input, wanted(schema)).msg.replace('Value error, ', '')
  if (typeof input === 'object' && input !== null) return text
  // JSON has no word for what is no number.
  return `${text}, not ${typeof input === 'number' ? input : JSON.stringify(input)}`
}

/** `key` at `path` means nothing; says what may have been meant. */
export function unknownKey(schema: Schema, path: Path, key: string, show = (name: string) => name): string {
  const known = Object.keys(shapeOf(schemaAt(schema, path) ?? schema) ?? {}).map(show)
  const near = nearest(key, known)
  if (near !== undefined) return `${extraForbidden.msg}; did you mean '${near}'?`
  const homes = homesOf(schema, key, show)
  if (homes.length > 0) return `${extraForbidden.msg}; '${key}' belongs ${homes.join(' or ')}`
  return `${extraForbidden.msg}; here may be ${known.join(', ')}`
}

/** Where in the schema a key of this name is. */
function homesOf(schema: Schema, key: string, show: (name: string) => string, path = ''): string[] {
  const shape = shapeOf(schema)
  if (shape === undefined) {
    const item = memberOf(schema, 0)
    return item === undefined || path.endsWith('[]') ? [] : homesOf(item, key, show, `${path}[]`)
  }
  const names = Object.keys(shape)
  const here = names.map(show).includes(key) ? [path === '' ? 'to the top of the file' : `in ${path}`] : []
  return [
    ...here,
    ...names.flatMap((name) =>
      homesOf(memberOf(schema, name) ?? schema, key, show, path === '' ? show(name) : `${path}.${show(name)}`),
    ),
  ]
}
