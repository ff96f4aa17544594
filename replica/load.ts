import { existsSync, statSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { messageOf, ServeError } from '../shared/errors.ts'
import { type Bound, boundIn, describe, isClass, isDeployment } from './deployment.ts'
import { candidates, isTypeScript, parseImportPath } from '../shared/import-path.ts'
import { userStack } from './user-stack.ts'

interface Application {
  readonly importPath: string
  readonly workingDir: string
  readonly args: Readonly<Record<string, unknown>>
}

/**
 * Loads the application that an import path names, relative to `workingDir`, or has it made by the function there.
 * @throws ServeError saying which step failed, with the user's own stack where user code threw
 */
export async function loadApplication({ importPath, workingDir, args }: Application): Promise<Bound> {
  const { module, export: name } = parseImportPath(importPath)
  const file = findModule(module, workingDir, importPath)
  const exports = await importFile(file, importPath)
  const value = name.split('.').reduce<unknown>((parent, key) => member(parent, key), exports)
  const cannot = `cannot run '${importPath}': `
  if (value === undefined) {
    const names = exportsOf(exports)
    throw new ServeError(
      'export_not_found',
      `${cannot}${file} has no export '${name}'; it exports ${names.join(', ') || 'nothing'}`,
    )
  }
  const bound = boundIn(value)
  if (bound !== undefined) {
    if (Object.keys(args).length === 0) return bound
    const hint = `export a function instead that takes them and returns ${name}`
    throw new ServeError('bad_arguments', `${cannot}export '${name}' of ${file} takes no arguments; ${hint}`)
  }
  if (isBuilder(value)) return await callBuilder(value, args, `${cannot}${name}() of ${file}`)
  const hint = isDeployment(value) ? `; did you mean to export ${name}.bind()?` : ''
  throw new ServeError(
    'not_an_application',
    `${cannot}export '${name}' of ${file} is ${describe(value)}, not an application; ${IS_ONE}${hint}`,
  )
}

const IS_ONE = 'an application is what deployment(...).bind() returns'

type Builder = (args: Readonly<Record<string, unknown>>) => unknown

function isBuilder(value: unknown): value is Builder {
  return typeof value === 'function' && !isClass(value)
}

async function callBuilder(build: Builder, args: Application['args'], what: string): Promise<Bound> {
  const value = await attempt(() => build(args), `${what} threw`)
  const bound = boundIn(value)
  if (bound !== undefined) return bound
  const hint = isDeployment(value) ? '; did you forget .bind()?' : ''
  throw new ServeError(
    'not_an_application',
    `${what} returned ${describe(value)}, not an application; ${IS_ONE}, and a function that an import path names must return one${hint}`,
  )
}

/**
 * Loads the module of a configuration.
 * @throws ServeError as above
 */
export async function loadConfig(file: string, workingDir: string): Promise<unknown> {
  const config = member(await importFile(findModule(file, workingDir, file), file), 'default')
  if (config !== undefined) return config
  const hint = 'write export default defineConfig({ applications: [...] })'
  throw new ServeError('export_not_found', `cannot run '${file}': it has no default export; ${hint}`)
}

function findModule(module: string, workingDir: string, importPath: string): string {
  const files = candidates(module).map((path) => (isAbsolute(path) ? path : join(workingDir, path)))
  const file = files.find((path) => existsSync(path) && statSync(path).isFile())
  if (file !== undefined) return file
  throw new ServeError(
    'module_not_found',
    `cannot run '${importPath}': no module '${module}' in ${workingDir} (looked for ${candidates(module).join(', ')}); ` +
      'run from the directory of the module, or name its file',
  )
}

async function importFile(file: string, importPath: string): Promise<Record<string, unknown>> {
  return await attempt(async () => {
    if (isTypeScript(file) && !stripsTypes()) await registerTypeScript()
    const exports: Record<string, unknown> = await import(pathToFileURL(file).href)
    return exports
  }, `cannot run '${importPath}': loading ${file} failed`)
}

/** Runs user code. */
async function attempt<T>(run: () => T, what: string): Promise<Awaited<T>> {
  try {
    return await run()
  } catch (error) {
    if (error instanceof ServeError) throw error
    const options = { cause: error, userStack: userStack(error) }
    throw new ServeError('module_failed', `${what}: ${firstLine(error)}`, options)
  }
}

/** Node 22.18 and later run TypeScript by themselves. */
function stripsTypes(): boolean {
  const { features } = process as { features: { typescript?: unknown } }
  return Boolean(features.typescript)
}

/** Costs a quarter of a second, so only a process that loads TypeScript pays. */
async function registerTypeScript(): Promise<void> {
  const [esm, cjs] = await Promise.all([import('tsx/esm/api'), import('tsx/cjs/api')])
  cjs.register()
  esm.register()
}

function member(parent: unknown, key: string): unknown {
  if (typeof parent !== 'object' || parent === null) return undefined
  const own = (parent as Record<string, unknown>)[key]
  // A default export that was compiled to CommonJS lies one level deeper.
  if (key === 'default' && typeof own === 'object' && own !== null && 'default' in own) return own.default
  if (own !== undefined) return own
  // What a CommonJS module assigned to module.exports arrives as its default export.
  const { default: fallback } = parent as { default?: unknown }
  return typeof fallback === 'object' && fallback !== null ? (fallback as Record<string, unknown>)[key] : undefined
}

/** The first line that says something: `Transform failed with 1 error:` is a title. */
function firstLine(error: unknown): string {
  const name = error instanceof Error && error.name !== 'Error' ? `${error.name}: ` : ''
  const lines = messageOf(error).split('\n')
  return name + (lines.find((line) => line.trim() !== '' && !line.endsWith(':')) ?? lines[0] ?? '')
}

function exportsOf(exports: Record<string, unknown>): string[] {
  const { default: fallback } = exports
  const inner =
    typeof fallback === 'object' && fallback !== null && boundIn(fallback) === undefined ? Object.keys(fallback) : []
  const all = new Set([...Object.keys(exports), ...inner])
  return [...all].filter(
    (key) => key !== 'module.exports' && key !== '__esModule' && (key !== 'default' || boundIn(fallback) !== undefined),
  )
}
