import { Command, CommanderError, InvalidArgumentError } from 'commander'
import { systemClock } from '../shared/clock.ts'
import { dashboardFrom } from '../shared/dashboard.ts'
import type { Random } from '../shared/ids.ts'
import { configKind } from '../shared/config/file.ts'
import { type Log, openLog } from '../shared/log.ts'
import type { Session } from '../shared/session.ts'
import { httpAddressFrom, httpSettingsFrom } from '../shared/settings.ts'
import { loadCredentials } from '../shared/tls.ts'
import type { Environment } from '../shared/variables.ts'
import { VERSION } from '../shared/version.ts'
import { checkName, checkRoutePrefix } from '../shared/checks.ts'
import { type Act, addCommands } from './commands.ts'
import { complain } from './complain.ts'
import { addFlags, environmentOf } from './flags.ts'
import { flushing } from './flushing-log.ts'
import { watchParent } from './parent.ts'
import { type Asked, type Plan, planOf } from './plan.ts'
import { cliLine, isColourful, showPrefix } from './prefix.ts'
import { reloading } from './reload.ts'
import { Run, type RunOptions } from './run.ts'
import { createOrDefault } from './session-directory.ts'
import { Signals } from './signals.ts'

const SOURCE = 'cli/program.ts'
const EXIT_USAGE = 2
/** As a shell reports a process that SIGINT has ended. */
const EXIT_INTERRUPTED = 130

interface Flags {
  readonly name?: string
  readonly routePrefix?: string
  readonly sessionDir?: string
  readonly reload?: true
}

interface Given {
  readonly sessionDir: string | undefined
  readonly reload: boolean
  readonly env: Environment
  /** What of it flags and variables say, which wins over a configuration. */
  readonly said: Environment
  readonly random: Random
}

interface Invocation {
  readonly argv: readonly string[]
  readonly env: Environment
  readonly random: Random
  /** What `run` runs when it is not told. */
  readonly defaultTarget: string | undefined
}

/** Everything that can be said to the command. */
export function commandOf(invocation: Omit<Invocation, 'argv'>): Command {
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
  try {
    await commandOf(invocation).parseAsync(invocation.argv)
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    process.exitCode = error.exitCode === 0 ? 0 : EXIT_USAGE
  }
}

function addRun(program: Command, { env, random, defaultTarget }: Omit<Invocation, 'argv'>): void {
  const run = program
    .command('run')
    .description('Runs applications until Ctrl-C.')
    .argument(
      defaultTarget === undefined ? '<target>' : '[target]',
      "import path 'module:export', for example main:app or path/to/main.ts:app; or a configuration, for example serve.yaml or batoid.config.ts",
    )
    .argument('[arguments...]', 'key=value each, for an import path that leads to a function of arguments')
    .option('--name <name>', 'name of the application (default: "default")', checked(checkName))
    .option('--route-prefix <prefix>', 'path prefix under which it answers (default: "/")', checked(checkRoutePrefix))
    .option('-r, --reload', 'deploy again whenever a source below this directory changes')
    .option(...SESSION_DIR)
    .addHelpText('after', '\nExample:\n  $ batoid run examples/classifier/main.ts:app --http-port 8080')
    .action(async (target: string | undefined, words: string[], flags: Flags, command: Command) => {
      const { name, routePrefix } = flags
      const asked = { target: target ?? defaultTarget ?? '', words, name, routePrefix, workingDir: process.cwd() }
      process.exitCode = await execute(asked, givenBy(flags, command, { env, random }))
    })
  addFlags(run)
}

const SESSION_DIR = [
  '--session-dir <directory>',
  'where its sockets and logs lie (default: a new one below the temporary directory)',
] as const

function addStart(program: Command, { env, random }: Omit<Invocation, 'argv'>): void {
  const start = program
    .command('start')
    .description('Runs a cluster without applications until Ctrl-C; `batoid deploy` brings them.')
    .option(...SESSION_DIR)
    .addHelpText('after', '\nExample:\n  $ batoid start --http-port 8080')
    .action(async (flags: Flags, command: Command) => {
      const asked = { ...NOTHING_ASKED, workingDir: process.cwd() }
      process.exitCode = await execute(asked, givenBy(flags, command, { env, random }))
    })
  addFlags(start)
}

const NOTHING_ASKED = { target: undefined, words: [], name: undefined, routePrefix: undefined }

function givenBy(flags: Flags, command: Command, { env, random }: Pick<Given, 'env' | 'random'>): Given {
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

async function execute(asked: Asked, given: Given): Promise<number> {
  const signals = new Signals(systemClock)
  process.stdout.on('error', () => signals.raise('the terminal went away'))
  const isBelowNpm = given.env['npm_command'] !== undefined
  const unwatch = isBelowNpm ? watchParent(systemClock, () => signals.raise('npm went away')) : () => {}
  process.stderr.on('error', () => undefined)
  try {
    const session = await createOrDefault(given.sessionDir)
    return await runIn(session, { asked, given, signals })
  } catch (error) {
    return complain(error)
  } finally {
    signals.close()
    unwatch()
  }
}

/** One command, once it is known where. */
interface Order {
  readonly asked: Asked
  readonly given: Given
  readonly signals: Signals
}

async function runIn(session: Session, { asked, given, signals }: Order): Promise<number> {
  const log = openLog({
    component: `serve ${process.pid}`,
    output: { fd: 1 },
    level: 'INFO',
    now: Date.now,
    clock: systemClock,
  })
  if (asked.target !== undefined) {
    const what = configKind(asked.target) === undefined ? 'import path' : 'config file'
    console.log(cliLine('INFO', SOURCE, `Running ${what}: '${asked.target}'.`, Date.now()))
  }
  const plan = await Promise.race([planOf(asked, { session, env: given.env, leave: signals.first }), signals.first])
  if (plan === undefined) return leave(log, signals)
  const options = runOptions(session, plan, given, log)
  const cluster = new Run(options)
  let code = 0
  let unwatch: (() => void) | undefined
  try {
    await Promise.race([cluster.start(), signals.first])
    if (given.reload) {
      const again = () => planOf(asked, { session, env: given.env, leave: signals.first, isHeld: true })
      unwatch = reloading({ cluster, session, directory: asked.workingDir, plan: again, log: options.log })
    }
    if (signals.reason === undefined) await Promise.race([signals.first, cluster.failed])
    leave(log, signals)
  } catch (error) {
    cluster.drainOutput()
    code = complain(error)
  }
  unwatch?.()
  const wasInterrupted = await Promise.race([cluster.stop().then(() => false), signals.second.then(() => true)])
  if (wasInterrupted) await cluster.kill()
  log.flush()
  return wasInterrupted ? EXIT_INTERRUPTED : code
}

function leave(log: Log, signals: Signals): number {
  log.warning(`Got ${signals.reason}, exiting...`)
  log.flush()
  console.log(cliLine('INFO', SOURCE, `Got ${signals.reason}, shutting down...`, Date.now()))
  return 0
}

function runOptions(session: Session, plan: Plan, given: Given, log: Log): RunOptions {
  const env = { ...given.env, ...plan.env, ...given.said }
  const http = httpSettingsFrom(env)
  // The proxies would find out too, but nobody has to wait for that.
  if (http.tls !== null) loadCredentials(http.tls)
  const hasColours = isColourful(env, process.stdout.isTTY)
  return {
    applications: plan.applications,
    requests: plan.requests,
    proxies: plan.hasProxies ? http.proxy.count : 0,
    isHttps: http.tls !== null,
    address: httpAddressFrom(env),
    dashboard: dashboardFrom(env).address,
    workingDir: process.cwd(),
    session,
    env,
    log: flushing(log),
    random: given.random,
    print: (prefix, line) => process.stdout.write(`${showPrefix(prefix, hasColours)}${line}\n`),
  }
}

function checked(check: (text: string) => string | undefined): (text: string) => string {
  return (text) => {
    const problem = check(text)
    if (problem !== undefined) throw new InvalidArgumentError(problem)
    return text
  }
}
