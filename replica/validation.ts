import type { z } from 'zod'
import { extraForbidden, type Fault, fault, faultOf, missing, wrongTag } from '../shared/pydantic.ts'
import { isObject, schemaAt, wanted } from '../shared/schema.ts'

type Issue = z.core.$ZodIssue
type Path = readonly PropertyKey[]

/** What Hono validates, and what FastAPI calls the place. */
const places = {
  query: 'query',
  param: 'path',
  header: 'header',
  cookie: 'cookie',
  json: 'body',
  form: 'body',
} as const

export interface Subject {
  readonly target: keyof typeof places
  /** As it was sent. */
  readonly data: unknown
  /** Where it is not known, an integer cannot be told from a number. */
  readonly schema?: z.core.$ZodType | undefined
}

/** One item of `{"detail": [...]}`, as FastAPI prints it. */
export interface InvalidItem extends Fault {
  readonly loc: readonly (string | number)[]
  readonly input: unknown
}

/** Says as FastAPI does what zod found in one part of a request. */
export function invalidItems(subject: Subject, issues: readonly Issue[]): InvalidItem[] {
  return issues.flatMap((issue) => itemsOf(subject, issue))
}

/** A body is required and none was sent. */
export const missingBody: InvalidItem = item(missing, ['body'], null)

/** What is wrong with a body that should have been JSON; `undefined` if nothing is. */
export function malformedJson(text: string): InvalidItem | undefined {
  try {
    JSON.parse(text)
    return undefined
  } catch (error) {
    return text.trim() === '' ? missingBody : jsonInvalid(text, error instanceof Error ? error.message : '')
  }
}

/** V8 ends its message with the position of the fault, or with a piece of the text and no position. */
function jsonInvalid(text: string, message: string): InvalidItem {
  const position = message.startsWith('Unexpected end') ? text.length : /at position (\d+)/.exec(message)?.[1]
  const error = message.replace(/(?: in JSON)? at position .*|, (?:\.\.\.)?".*is not valid JSON$/s, '')
  const loc = position === undefined ? ['body'] : ['body', Number(position)]
  return item(fault('json_invalid', 'JSON decode error', { error }), loc, {})
}

function itemsOf(subject: Subject, issue: Issue): InvalidItem[] {
  const { path } = issue
  const found = lookUp(subject.data, path)
  if (found.kind === 'absent' && mayMeanAbsent(issue))
    return [item(missing, locate(subject, path), subject.target === 'json' ? found.container : null)]
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => itemAt(subject, [...path, key], () => extraForbidden))
  if (issue.code === 'invalid_union') return unionItems(subject, issue)
  const want = wanted(subject.schema && schemaAt(subject.schema, path))
  return [itemAt(subject, path, (value) => faultOf(issue, value, want))]
}

/** An absent value fails a check of its type; a check written by hand may fail for another reason. */
function mayMeanAbsent(issue: Issue): boolean {
  if (issue.code === 'invalid_union') return issue.discriminator === undefined
  return issue.code === 'invalid_type' || issue.code === 'invalid_value'
}

/** Zod nests what each member says, and points at the tag of a tagged union; pydantic points at its object. */
function unionItems(subject: Subject, issue: z.core.$ZodIssueInvalidUnion): InvalidItem[] {
  const { path, errors, discriminator } = issue
  if (discriminator !== undefined) {
    const tags = 'options' in issue ? (issue.options ?? []) : []
    const tagFault = (value: unknown) =>
      wrongTag(discriminator, isObject(value) ? value[discriminator] : undefined, tags)
    return [itemAt(subject, path.slice(0, -1), tagFault)]
  }
  if (errors.length === 0) return [itemAt(subject, path, (value) => faultOf(issue, value, 'other'))]
  return errors.flat().flatMap((error) => itemsOf(subject, { ...error, path: [...path, ...error.path] }))
}

function itemAt(subject: Subject, path: Path, describe: (value: unknown) => Fault): InvalidItem {
  const found = lookUp(subject.data, path)
  const value = found.kind === 'present' ? found.value : undefined
  return item(describe(value), locate(subject, path), value)
}

function item({ type, msg, ctx }: Fault, loc: InvalidItem['loc'], input: unknown): InvalidItem {
  return { type, loc, msg, input: input ?? null, ...(ctx && { ctx }) }
}

function locate({ target }: Subject, path: Path): InvalidItem['loc'] {
  return [places[target], ...path.map((key) => (typeof key === 'number' ? key : String(key)))]
}

type Found =
  | { readonly kind: 'present'; readonly value: unknown }
  | { readonly kind: 'absent'; readonly container: object }
  /** Inside something that the schema made of what was sent. */
  | { readonly kind: 'derived' }

function lookUp(data: unknown, path: Path): Found {
  let value = data
  for (const [depth, key] of path.entries()) {
    if (typeof value !== 'object' || value === null) return { kind: 'derived' }
    if (!Object.hasOwn(value, key))
      return depth === path.length - 1 ? { kind: 'absent', container: value } : { kind: 'derived' }
    value = Reflect.get(value, key)
  }
  return { kind: 'present', value }
}
