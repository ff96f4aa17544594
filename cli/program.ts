import { Command, CommanderError } from 'commander'
import { systemClock } from '../shared/clock.ts'
import { ServeError } from '../shared/errors.ts'
import type { Random } from '../shared/ids.ts'
import type { Environment } from '../shared/variables.ts'
import { VERSION } from '../shared/version.ts'
import { launchInBackground } from './background.ts'
import { type Act, addCommands } from './commands.ts'
import { complain } from './complain.ts'
import { execute, type Given } from './execute.ts'
import { addFlags, addGrpcFunctions, addGrpcPort, environmentOf } from './flags.ts'
import { addAppDir, addImportFlags, type ImportFlags } from './import-flags.ts'
import { watchParent } from './parent.ts'
import type { Asked } from './plan.ts'
import { createOrDefault } from './session-directory.ts'
import { Signals } from './signals.ts'
import { watchOutput } from './standard-output.ts'
import { openStarter } from './starter.ts'

const EXIT_USAGE = 2

interface Flags extends ImportFlags {
  readonly address?: string
  readonly blocking?: true
  readonly nonBlocking?: true
  readonly sessionDir?: string
  readonly reload?: true
}

interface Invocation {
  readonly argv: readonly string[]
  readonly env: Environment
  readonly random: Random
  /** What `run` runs when it is not told. */
  readonly defaultTarget: string | undefined
  /** The session directory of the launcher that this is, in the background; undefined: this is no such thing. */
  readonly background: string | undefined
}

/** What is to be done, and where. */
interface Call {
  readonly asked: Asked
  readonly given: Given
  readonly isBlocking: boolean
}

/** Everything that can be said to the command. */
export function commandOf(invocation: Invocation): Command {
  const program = new Command('batoid')
    .description('Serves models and Hono applications from many Node.js processes.')
    .version(VERSION)
    .exitOverride()
    .showHelpAfterError('(run with --help to see what there is)')
  addRun(program, invocation)
  addStart(program, invocation)
  addCommands(program, { env: invocation.env, doing })
  addSchema(program)
  return program
}

/** What most commands do is loaded for them alone. */
async function doing(act: Act): Promise<void> {
  try {
    await act(await import('./actions.ts'))
  } catch (error) {
    process.exitCode = complain(error)
  }
}

export async function main(invocation: Invocation): Promise<void> {
  watchOutput()
  try {
    await commandOf(invocation).parseAsync(invocation.argv)
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    process.exitCode = error.exitCode === 0 ? 0 : EXIT_USAGE
  }
}

function addRun(program: Command, invocation: Invocation): void {
  const run = program
    .command('run')
    .description('Runs applications until Ctrl-C.')
    .argument(
      invocation.defaultTarget === undefined ? '<target>' : '[target]',
      "import path 'module:export', for example main:app or path/to/main.ts:app; or a configuration, for example serve.yaml or batoid.config.ts",
    )
    .argument('[arguments...]', 'key=value each, for an import path that leads to a function of arguments')
    .option('--blocking', 'stay in the foreground until Ctrl-C, which is the default')
    .option('--non-blocking', 'return once the applications are ready; `batoid shutdown` ends them')
    .option('-r, --reload', 'deploy again whenever a source below this directory changes')
    .option('-a, --address <url>', 'refused: `batoid deploy --address` deploys to a cluster that runs')
  addAppDir(addImportFlags(run))
    .option(...SESSION_DIR)
    .addHelpText('after', '\nExample:\n  $ batoid run examples/classifier/main.ts:app --http-port 8080')
    .action(async (target: string | undefined, words: string[], flags: Flags, command: Command) => {
      const { defaultTarget = '' } = invocation
      const asked = { target: target ?? defaultTarget, words, flags, directory: process.cwd() }
      const given = givenBy(flags, command, invocation)
      const call = { asked, given, isBlocking: flags.nonBlocking !== true }
      process.exitCode = await guarded(() => {
        refuseConflicts(flags)
        return perform(call, invocation)
      })
    })
  addGrpcPort(addFlags(run))
}

const SESSION_DIR = [
  '--session-dir <directory>',
  'where its sockets and logs lie (default: a new one below the temporary directory)',
] as const

function addStart(program: Command, invocation: Invocation): void {
  const start = program
    .command('start')
    .description('Starts a cluster without applications, and returns; `batoid deploy` brings them.')
    .option('--blocking', 'stay in the foreground until Ctrl-C, as containers and systemd want it')
    .option(...SESSION_DIR)
    .addHelpText('after', '\nExample:\n  $ batoid start --http-port 8080')
    .action(async (flags: Flags, command: Command) => {
      const asked = { target: undefined, words: [], flags: {}, directory: process.cwd() }
      const given = givenBy(flags, command, invocation)
      const call = { asked, given, isBlocking: flags.blocking === true }
      process.exitCode = await guarded(() => perform(call, invocation))
    })
  addGrpcFunctions(addGrpcPort(addFlags(start)))
}

/** @throws ServeError `bad_usage` */
function refuseConflicts({ address, blocking, nonBlocking, reload }: Flags): void {
  if (address !== undefined) {
    const what = 'run starts a cluster of its own and cannot use one at --address'
    throw new ServeError('bad_usage', `${what}: batoid deploy --address ${address} deploys to one that runs`)
  }
  if (blocking && nonBlocking)
    throw new ServeError('bad_usage', 'Only one of --blocking and --non-blocking can be given.')
  if (reload && nonBlocking)
    throw new ServeError('bad_usage', 'The --non-blocking option conflicts with the --reload option.')
}

function givenBy(flags: Flags, command: Command, { env, random }: Invocation): Given {
  const isSaid = (flag: string) => command.getOptionValueSource(flag) !== 'default'
  const said = environmentOf({ ...flags }, process.cwd(), isSaid)
  return { sessionDir: flags.sessionDir, reload: flags.reload === true, env: { ...env, ...said }, said, random }
}

function addSchema(program: Command): void {
  program
    .command('schema')
    .description('Prints the JSON schema of configuration files, for editors.')
    .addHelpText('after', '\nExample:\n  $ batoid schema > serve.schema.json')
    .action(async () => {
      const { configJsonSchema } = await import('../shared/config/json-schema.ts')
      console.log(JSON.stringify(configJsonSchema(), null, 2))
    })
}

async function guarded(act: () => Promise<number>): Promise<number> {
  try {
    return await act()
  } catch (error) {
    return complain(error)
  }
}

/** In the foreground, or in the background for another of this command, or by another one there. */
async function perform(call: Call, invocation: Invocation): Promise<number> {
  const signals = new Signals(systemClock)
  // What is on its way into the background needs nobody who reads along.
  process.stdout.on('error', () => call.isBlocking && signals.raise('the terminal went away'))
  try {
    if (invocation.background !== undefined) return await performInBackground(call, invocation.background, signals)
    return await performHere(call, invocation, signals)
  } finally {
    signals.close()
  }
}

async function performHere({ asked, given, isBlocking }: Call, invocation: Invocation, signals: Signals) {
  const { env, argv, defaultTarget } = invocation
  const isBelowNpm = env['npm_command'] !== undefined
  const unwatch = isBelowNpm ? watchParent(systemClock, () => signals.raise('npm went away')) : () => {}
  try {
    const session = await createOrDefault(given.sessionDir)
    if (isBlocking) return await execute({ asked, given, session, signals, starter: undefined })
    const flags = given.sessionDir === undefined ? '' : ` --session-dir ${given.sessionDir}`
    const again = defaultTarget === undefined ? env : { ...env, BATOID_DEFAULT_TARGET: defaultTarget }
    return await launchInBackground({ argv, env: again, session, flags, signals })
  } finally {
    unwatch()
  }
}

/** No terminal, npm or pipe is of any concern there. */
async function performInBackground({ asked, given }: Call, directory: string, signals: Signals): Promise<number> {
  const starter = openStarter(() => signals.raise('the command that started it went away'))
  try {
    return await execute({ asked, given, session: { directory }, signals, starter })
  } catch (error) {
    return starter.failed(error)
  } finally {
    starter.close()
  }
}
