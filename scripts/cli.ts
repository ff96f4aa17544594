/** Writes docs/cli.md from the command itself; `cliPage` is compared with it in the tests. */
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Command } from 'commander'
import { commandOf } from '../cli/program.ts'

const FILE = 'docs/cli.md'
const HEAD = `# Command line

Written by \`npm run docs\` from the command itself.

\`start\` and \`run --non-blocking\` start a cluster in the background and return once it is up, \`run\` and \`start --blocking\` are one
for as long as they run (see [operations](operations.md#in-the-background)); the others speak to one that runs, over its [REST API](rest.md): to the one
that was started last and has not ended, or the one of \`--address\` or \`--session-dir\`, with the token in \`BATOID_AUTH_TOKEN\` if it asks for one.
\`status\`, \`config\` and their kind print YAML, or JSON with \`--json\`. \`logs\` reads the files of a session, whether its cluster runs
or not. Exit codes are in [errors](errors.md); who stops reading, as \`head\` does, is no error.

\`logs --app\` and \`--deployment\` go by the names of files. Those of deployment \`b_C\` of application \`a\` and of \`C\` of \`a_b\` are the same:
the output files of the session tell which of them there was. They cannot tell where there were both, or where a later cluster in the
same session directory has deleted them: then the files of both are shown.

\`run --reload\` watches JavaScript, TypeScript, JSON and YAML below the directory in which it was started, but for \`node_modules\`
and what is hidden. Every change is built and brought by a rolling update; what cannot be built, or does not start, leaves the last
version that did serving. What is broken at first is started once it is mended. Changes without a pause are brought after 2 s.

With \`--app-dir\` an import path is looked for in another directory than the one in which replicas run, which is \`--working-dir\`, that of
\`--runtime-env\`, or the current one. With a configuration these and \`--name\`, \`--route-prefix\` and arguments are refused: it says them itself.
`

export function cliPage(): string {
  const program = commandOf({ argv: [], env: {}, random: () => 0, defaultTarget: undefined, background: undefined })
  return `${HEAD}\n${program.commands.map(section).join('\n\n')}\n`
}

function section(command: Command): string {
  let help = ''
  command.configureOutput({ writeOut: (text) => (help += text), getOutHelpWidth: () => 120 }).outputHelp()
  return `## \`batoid ${command.name()}\`\n\n\`\`\`\n${help.trimEnd()}\n\`\`\``
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(FILE, cliPage())
