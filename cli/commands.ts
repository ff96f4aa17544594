import { type Command, InvalidArgumentError } from 'commander'
import type { Environment } from '../shared/variables.ts'
import type * as actions from './actions.ts'
import { addGrpcFunctions } from './flags.ts'
import { addAppDir, addImportFlags } from './import-flags.ts'
import type { ShutdownFlags } from './shutdown.ts'

export type Act = (found: typeof actions) => Promise<void>

interface Options {
  readonly env: Environment
  /** Runs what a command does, says what goes wrong, and leaves with the exit code for it. */
  readonly doing: (act: Act) => Promise<void>
}

/** The commands that speak to a cluster which runs already. */
export function addCommands(program: Command, options: Options): void {
  addDeploy(program, options)
  addStatus(program, options)
  addHealth(program, options)
  addDelete(program, options)
  addScale(program, options)
  addBuild(program, options)
  addLogs(program, options)
}

function addDeploy(program: Command, { env, doing }: Options): void {
  addImportFlags(located(program.command('deploy')))
    .description('Declares what a running cluster shall run, and returns.')
    .argument('<target>', "configuration, for example serve.yaml; or import path 'module:export'")
    .argument('[arguments...]', 'key=value each, for an import path that leads to a function of arguments')
    .addHelpText('after', '\nExample:\n  $ batoid deploy serve.yaml')
    .action((target: string, words: string[], flags: actions.DeployFlags) =>
      doing(({ deploy }) => deploy({ target, words, flags, env })),
    )
}

function addStatus(program: Command, { env, doing }: Options): void {
  located(program.command('status'))
    .description('Shows how the applications of a running cluster do.')
    .option('-n, --name <name>', 'of one application alone')
    .option('--json', 'for machines')
    .addHelpText('after', '\nExample:\n  $ batoid status --json')
    .action((flags: actions.ShowFlags) => doing(({ status }) => status(flags, env)))
  located(program.command('config'))
    .description('Shows the configurations that the applications of a running cluster were declared with.')
    .option('-n, --name <name>', 'of one application alone')
    .option('--json', 'for machines')
    .addHelpText('after', '\nExample:\n  $ batoid config --name shop')
    .action((flags: actions.ShowFlags) => doing(({ showDeclared }) => showDeclared(flags, env)))
}

function addHealth(program: Command, { env, doing }: Options): void {
  located(program.command('controller-health'))
    .description('Shows how the controller of a running cluster does.')
    .option('--json', 'for machines')
    .addHelpText('after', '\nExample:\n  $ batoid controller-health --json')
    .action((flags: actions.ShowFlags) => doing(({ controllerHealth }) => controllerHealth(flags, env)))
}

function addDelete(program: Command, { env, doing }: Options): void {
  located(program.command('shutdown'))
    .description('Ends a running cluster: deletes all its applications, then ends its processes.')
    .option('-y, --yes', 'without asking')
    .addHelpText('after', '\nExample:\n  $ batoid shutdown -y')
    .action((flags: ShutdownFlags) => doing(async () => (await import('./shutdown.ts')).shutdown(flags, env)))
  located(program.command('delete'))
    .description('Deletes one application of a running cluster.')
    .argument('<name>', 'of the application')
    .option('-y, --yes', 'without asking')
    .addHelpText('after', '\nExample:\n  $ batoid delete shop -y')
    .action((name: string, flags: actions.SureFlags) => doing(({ remove }) => remove(name, flags, env)))
}

function addScale(program: Command, { env, doing }: Options): void {
  located(program.command('scale'))
    .description('Sets the number of replicas of a deployment of a running cluster.')
    .argument('<application>', 'its name')
    .argument('<deployment>', 'its name')
    .argument('<replicas>', 'how many there shall be', count)
    .addHelpText('after', '\nExample:\n  $ batoid scale default Classifier 3')
    .action((application: string, deployment: string, replicas: number, flags: actions.Located) =>
      doing(({ scale }) => scale({ application, deployment, replicas, flags, env })),
    )
}

function addBuild(program: Command, { env, doing }: Options): void {
  const build = program
    .command('build')
    .description('Writes a configuration of what import paths lead to.')
    .argument('<paths...>', "import paths 'module:export'")
    .option('-o, --output-path <file>', 'where to write it (default: the standard output)')
    .addHelpText('after', '\nExample:\n  $ batoid build main:app -o serve.yaml')
    .action((paths: string[], flags: actions.BuildFlags) => doing(({ writeConfig }) => writeConfig(paths, flags, env)))
  addGrpcFunctions(addAppDir(build))
}

function addLogs(program: Command, { doing }: Options): void {
  program
    .command('logs')
    .description('Prints the log files of a cluster, in the order of time.')
    .option('-f, --follow', 'go on with what is added, until Ctrl-C')
    .option('--app <name>', 'of the replicas of one application alone')
    .option('--deployment <name>', 'of the replicas of one deployment alone')
    .option('--replica <id>', 'of one replica alone')
    .option('--request <id>', 'of one request alone')
    .option('--session-dir <directory>', 'of the cluster (default: of the one that was started last)')
    .addHelpText('after', '\nExample:\n  $ batoid logs -f --app shop')
    .action((flags: actions.LogFlags) => doing(({ logs }) => logs(flags)))
}

/** Of a command that needs to know where the cluster is. */
function located(command: Command): Command {
  return command
    .option('-a, --address <url>', 'of the REST API (default: of the cluster that was started last)')
    .option('--session-dir <directory>', 'of the cluster, instead of an address')
}

function count(text: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new InvalidArgumentError('It must be an integer, 0 or more.')
  return Number(text)
}
