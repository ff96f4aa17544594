import { ServeError } from './errors.ts'

export interface ImportPath {
  /** A dotted module name or a file. */
  readonly module: string
  readonly export: string
}

const EXTENSIONS = ['.ts', '.mts', '.cts', '.js', '.mjs', '.cjs'] as const
const EXPECTED = "expected 'module:export', for example 'main:app' or 'path/to/main.ts:app'"

/** Takes `module:export`, `module.sub:export`, `path/to/file.ts:export`, and Ray's `module.export` without a colon. */
export function parseImportPath(text: string): ImportPath {
  const parts = text.split(':')
  if (parts.length > 2) {
    throw new ServeError(
      'bad_import_path',
      `Got invalid import path "${text}". An import path may have at most one colon.`,
    )
  }
  const at = parts.length === 2 ? text.indexOf(':') : isFile(text) ? -1 : text.lastIndexOf('.')
  const [module, name] = [text.slice(0, at), text.slice(at + 1)]
  if (at <= 0 || name === '') {
    throw new ServeError('bad_import_path', `Got invalid import path "${text}": ${EXPECTED}`)
  }
  return { module, export: name }
}

function isFile(text: string): boolean {
  return text.includes('/') || EXTENSIONS.some((extension) => text.endsWith(extension))
}

/** Whether it names the file of a module, and nothing that the module exports. */
export function isModuleFile(text: string): boolean {
  return !text.includes(':') && EXTENSIONS.some((extension) => text.endsWith(extension))
}

/** The files that `module` may mean, relative to the working directory, the likeliest first. */
export function candidates(module: string): string[] {
  if (EXTENSIONS.some((extension) => module.endsWith(extension))) return [module]
  const path = module.includes('/') ? module : module.replaceAll('.', '/')
  return [
    ...EXTENSIONS.map((extension) => path + extension),
    ...EXTENSIONS.map((extension) => `${path}/index${extension}`),
  ]
}

/** Whether Node needs help to run this file. */
export function isTypeScript(file: string): boolean {
  return /\.[cm]?ts$/.test(file)
}
