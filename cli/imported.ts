import { join, resolve } from 'node:path'
import { readConfigFile } from '../shared/config/file.ts'
import type { RuntimeEnv } from '../shared/config/schema.ts'
import { ServeError } from '../shared/errors.ts'
import { parseImportPath } from '../shared/import-path.ts'
import type { Build } from '../shared/build.ts'
import { parseArguments } from './arguments.ts'
import type { ImportFlags } from './import-flags.ts'

/** An import path, with what the words and flags after it say. */
export interface Importing {
  readonly target: string
  readonly words: readonly string[]
  readonly flags: ImportFlags
  /** In which the command was given. */
  readonly directory: string
}

type Imported = Pick<Build, 'importPath' | 'workingDir' | 'args' | 'envVars'>

/** @throws ServeError with what is wrong with the words and flags */
export async function importedOf({ target, words, flags, directory }: Importing): Promise<Imported> {
  const { env_vars: envVars = {}, working_dir: said } = await runtimeEnvOf(flags, directory)
  return {
    importPath: flags.appDir === undefined ? target : importPathIn(resolve(directory, flags.appDir), target),
    workingDir: resolve(directory, flags.workingDir ?? said ?? '.'),
    args: parseArguments(words),
    envVars,
  }
}

async function runtimeEnvOf({ runtimeEnv, runtimeEnvJson }: ImportFlags, directory: string): Promise<RuntimeEnv> {
  if (runtimeEnv === undefined && runtimeEnvJson === undefined) return {}
  if (runtimeEnv !== undefined && runtimeEnvJson !== undefined)
    throw new ServeError('bad_usage', 'Only one of --runtime-env and --runtime-env-json can be provided.')
  // What reads them takes a while to load, and few need it.
  const { parseRuntimeEnv } = await import('../shared/config/parse.ts')
  if (runtimeEnv === undefined) return parseRuntimeEnv(runtimeEnvJson ?? '', '--runtime-env-json')
  return parseRuntimeEnv(readConfigFile(runtimeEnv, directory), runtimeEnv)
}

/** The import path of the same module, looked for in a directory of its own. */
export function importPathIn(directory: string, importPath: string): string {
  const { module, export: name } = parseImportPath(importPath)
  const isFile = module.includes('/') || /\.[cm]?[jt]s$/.test(module)
  const path = isFile ? module : module.replaceAll('.', '/')
  return `${path.startsWith('/') ? path : join(directory, path)}:${name}`
}
