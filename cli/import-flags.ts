import { type Command, InvalidArgumentError } from 'commander'
import { checkName, checkRoutePrefix } from '../shared/checks.ts'
import { ServeError } from '../shared/errors.ts'

/** What can be said of an import path, and of a configuration says itself; undefined: not said. */
export interface ImportFlags {
  readonly name?: string
  readonly routePrefix?: string
  readonly runtimeEnv?: string
  readonly runtimeEnvJson?: string
  readonly workingDir?: string
  readonly appDir?: string
}

const FLAGS: Readonly<Record<Exclude<keyof ImportFlags, 'appDir'>, readonly [flags: string, means: string]>> = {
  name: ['--name <name>', 'name of the application (default: "default")'],
  routePrefix: ['--route-prefix <prefix>', 'path prefix under which it answers (default: "/")'],
  runtimeEnv: ['--runtime-env <file>', 'YAML or JSON file with env_vars and working_dir of its replicas'],
  runtimeEnvJson: ['--runtime-env-json <json>', 'the same as JSON, for example {"env_vars": {"KEY": "value"}}'],
  workingDir: [
    '--working-dir <directory>',
    'where its replicas run and its import path is looked for (default: this one)',
  ],
}
const APP_DIR = ['-d, --app-dir <directory>', 'where the import path is looked for instead'] as const

const CHECKS: Readonly<Record<string, (text: string) => string | undefined>> = {
  name: checkName,
  routePrefix: checkRoutePrefix,
}

export function addImportFlags(command: Command): Command {
  for (const [key, [flags, means]] of Object.entries(FLAGS)) command.option(flags, means, checked(CHECKS[key]))
  return command
}

export function addAppDir(command: Command): Command {
  return command.option(...APP_DIR)
}

/** @throws ServeError `bad_usage` if something is said that a configuration says itself */
export function refuseWithConfig(target: string, words: readonly string[], flags: ImportFlags): void {
  const given = Object.entries({ ...FLAGS, appDir: APP_DIR }).flatMap(([key, [names]]) => {
    const isGiven = Reflect.get(flags, key) !== undefined
    return isGiven ? [/--[a-z-]+/.exec(names)?.[0] ?? names] : []
  })
  if (words.length > 0) given.unshift('arguments')
  if (given.length === 0) return
  const instead = 'write args, name, route_prefix and runtime_env into it, of each application'
  throw new ServeError(
    'bad_usage',
    `${given.join(' and ')} cannot be given with a configuration (${target}): ${instead}`,
  )
}

function checked(check: ((text: string) => string | undefined) | undefined): (text: string) => string {
  return (text) => {
    const problem = check?.(text)
    if (problem !== undefined) throw new InvalidArgumentError(problem)
    return text
  }
}
