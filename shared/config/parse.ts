import {
  type Document,
  isAlias,
  isCollection,
  isMap,
  isPair,
  isScalar,
  LineCounter,
  parseDocument,
  type YAMLError,
} from 'yaml'
import { ServeError } from '../errors.ts'
import type { Path, Problem } from './problems.ts'
import type { RuntimeEnv, ServeConfig } from './schema.ts'
import { showPath, validateCamelConfig, type Validated, validateConfig, validateRuntimeEnv } from './validate.ts'

/**
 * Reads the text of a configuration file, YAML or JSON.
 * @throws ServeError `bad_config`, a line for each thing that is wrong: `file:line:column: key.path: what; what to do`
 */
export function parseConfig(text: string, file: string): ServeConfig {
  return parse(text, file, validateConfig, 'the file is empty; say what shall run: applications: [...]')
}

/**
 * Reads the text of a `runtime_env`, YAML or JSON.
 * @throws ServeError as above
 */
export function parseRuntimeEnv(text: string, file: string): RuntimeEnv {
  return parse(text, file, validateRuntimeEnv, 'there is nothing; say env_vars: {...} or working_dir: ...')
}

function parse<T>(text: string, file: string, validate: (raw: unknown) => Validated<T>, nothing: string): T {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, merge: true, prettyErrors: false })
  const place = (offset: number) => {
    const { line, col } = lines.linePos(offset)
    return `${file}:${line}:${col}`
  }
  // A tag that means nothing is a warning, after which its value would be taken for text.
  const faults = [...document.errors, ...document.warnings]
  if (faults.length > 0) throw wrong(faults.map((fault) => unreadable(fault, place)))
  const raw = valueOf(document, file)
  if (raw === null) throw wrong([`${file}:1:1: ${nothing}`])
  const validated = validate(raw)
  if ('config' in validated) return validated.config
  const problems = validated.problems.map(({ path, at, text: what }) => {
    return { offset: offsetOf(document, path, at), what: withPath(path, what) }
  })
  const inOrder = problems.toSorted((a, b) => a.offset - b.offset)
  throw wrong(inOrder.map(({ offset, what }) => `${place(offset)}: ${what}`))
}

/**
 * Reads what a module exports as its configuration, in camelCase.
 * @throws ServeError `bad_config`, as above, but without lines: the configuration may have been computed
 */
export function configFromCode(raw: unknown, file: string): ServeConfig {
  const validated = validateCamelConfig(raw)
  if ('config' in validated) return validated.config
  throw wrong(validated.problems.map(({ path, text }) => `${file}: ${withPath(path, text)}`))
}

function withPath(path: Path, text: string): string {
  const shown = showPath(path)
  return shown === '' ? text : `${shown}: ${text}`
}

function wrong(problems: readonly string[]): ServeError {
  return new ServeError('bad_config', problems.join('\n'))
}

function unreadable({ code, message, pos }: YAMLError, place: (offset: number) => string): string {
  const what = code === 'MULTIPLE_DOCS' ? 'the file has several documents; a configuration is one' : message
  return `${place(pos[0])}: ${what}`
}

/** An alias to what is not there, or a few that stand for billions. */
function valueOf(document: Document.Parsed, file: string): unknown {
  try {
    return document.toJS()
  } catch (error) {
    throw wrong([`${file}:1:1: ${error instanceof Error ? error.message : String(error)}`])
  }
}

/** Where in the text something is, or what should have it. */
function offsetOf(document: Document.Parsed, path: Path, at: Problem['at']): number {
  let node: unknown = document.contents
  let offset = startOf(node) ?? 0
  for (const [depth, key] of path.entries()) {
    const isLast = depth === path.length - 1
    const target: unknown = isAlias(node) ? node.resolve(document) : node
    if (!isCollection(target)) return offset
    const found: unknown = isMap(target)
      ? target.items.find((pair) => isNamed(pair.key, key))
      : target.items[Number(key)]
    if (found === undefined) return offset
    const [name, value] = isPair(found) ? [found.key, found.value] : [found, found]
    const isValue = isLast ? at === 'value' : true
    offset = (isValue ? startOf(value) : undefined) ?? startOf(name) ?? offset
    node = value
  }
  return offset
}

function isNamed(key: unknown, name: PropertyKey): boolean {
  return isScalar(key) && String(key.value) === String(name)
}

/** undefined: nothing is written there. */
function startOf(node: unknown): number | undefined {
  const range = typeof node === 'object' && node !== null && 'range' in node ? node.range : undefined
  const [start, end]: unknown[] = Array.isArray(range) ? range : []
  return typeof start === 'number' && start !== end ? start : undefined
}
