import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { messageOf, ServeError } from '../errors.ts'
import { isModuleFile } from '../import-path.ts'

/** Whether what is to be run is a configuration, and how it is written; an import path is none. */
export function configKind(target: string): 'text' | 'code' | undefined {
  if (/\.(ya?ml|json)$/.test(target)) return 'text'
  return isModuleFile(target) ? 'code' : undefined
}

/** @throws ServeError `bad_config` */
export function readConfigFile(file: string, workingDir: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(resolve(workingDir, file)))
  } catch (error) {
    if (error instanceof TypeError) throw new ServeError('bad_config', `the configuration file ${file} is not UTF-8`)
    throw new ServeError('bad_config', `cannot read the configuration file: ${messageOf(error)}`)
  }
}
