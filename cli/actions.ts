import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline/promises'
import { type At, plainBuild, startBuild, startConfigBuild } from '../shared/build.ts'
import { systemClock } from '../shared/clock.ts'
import { configKind, readConfigFile } from '../shared/config/file.ts'
import { nearest } from '../shared/config/nearest.ts'
import { parseConfig } from '../shared/config/parse.ts'
import type { ServeConfig } from '../shared/config/schema.ts'
import { ServeError } from '../shared/errors.ts'
import { withoutSecrets } from '../shared/secrets.ts'
import { outputDirectory } from '../shared/session.ts'
import type { Environment } from '../shared/variables.ts'
import { VERSION } from '../shared/version.ts'
import { parseArguments } from './arguments.ts'
import { Client, type InstanceDetails, sessionOf, type Whereabouts } from './client.ts'
import type { Choice } from './log-entries.ts'
import { showLogs } from './logs.ts'
import { cliLine } from './prefix.ts'
import { makeDirectory } from './session-directory.ts'
import { applicationStatusOf, declarationOf, showConfig, statusOf } from './show.ts'

export type Located = Whereabouts
export type ShowFlags = Located & { readonly name?: string; readonly json?: true }
export type SureFlags = Located & { readonly yes?: true }
export type DeployFlags = Located & { readonly name?: string; readonly routePrefix?: string }
export type LogFlags = Located & Choice & { readonly follow?: true }

const SOURCE = 'cli/program.ts'
const say = (text: string): void => console.log(cliLine('INFO', SOURCE, text, Date.now()))

interface Deployment {
  readonly target: string
  readonly words: readonly string[]
  readonly flags: DeployFlags
  readonly env: Environment
}

export async function deploy({ target, words, flags, env }: Deployment): Promise<void> {
  const client = new Client(flags, env)
  const kind = configKind(target)
  say(`Deploying from ${kind === undefined ? 'import path' : 'config file'}: '${target}'.`)
  await client.declare(kind === undefined ? single(target, words, flags) : await declaration(target, kind, env))
  say(
    "\nSent deploy request successfully.\n * Use `batoid status` to check applications' statuses.\n" +
      ' * Use `batoid config` to see the current application config(s).\n',
  )
}

function single(importPath: string, words: readonly string[], { name, routePrefix }: DeployFlags): object {
  return {
    applications: [
      {
        ...(name === undefined ? {} : { name }),
        ...(routePrefix === undefined ? {} : { route_prefix: routePrefix }),
        import_path: importPath,
        args: parseArguments(words),
        runtime_env: { working_dir: process.cwd() },
      },
    ],
  }
}

/** As the cluster, which runs in another directory, is to read it. What cannot change there is not sent. */
async function declaration(file: string, kind: 'text' | 'code', env: Environment): Promise<object> {
  const workingDir = process.cwd()
  const config: ServeConfig =
    kind === 'text'
      ? parseConfig(readConfigFile(file, workingDir), file)
      : await building(env, (at) => startConfigBuild(file, { ...at, workingDir }).result)
  const applications = config.applications.map((one) => ({
    ...one,
    runtime_env: { ...one.runtime_env, working_dir: resolve(workingDir, one.runtime_env.working_dir ?? '.') },
  }))
  return { applications, logging_config: config.logging_config, target_capacity: config.target_capacity }
}

export async function status({ name, json, ...where }: ShowFlags, env: Environment): Promise<void> {
  const details = await new Client(where, env).details()
  const shown = name === undefined ? statusOf(details) : applicationStatusOf(applicationIn(details, name))
  process.stdout.write(json === true ? `${JSON.stringify(shown, null, 2)}\n` : showConfig(shown))
}

export async function showDeclared({ name, json, ...where }: ShowFlags, env: Environment): Promise<void> {
  const { applications } = await new Client(where, env).details()
  const all = Object.entries(applications).filter(([own]) => name === undefined || own === name)
  const configs = all.flatMap(([, one]) => one.deployed_app_config ?? [])
  if (json === true) console.log(JSON.stringify(configs, null, 2))
  else if (configs.length > 0) process.stdout.write(configs.map(showConfig).join('\n---\n\n'))
  else console.log(nothingOf(name))
}

function nothingOf(name: string | undefined): string {
  return name === undefined ? 'No configuration was found.' : `No config has been deployed for application "${name}".`
}

function applicationIn({ applications }: InstanceDetails, name: string) {
  const found = applications[name]
  if (found !== undefined) return found
  const near = nearest(name, Object.keys(applications))
  const hint = near === undefined ? '' : ` Did you mean "${near}"?`
  throw new ServeError('refused', `Application "${name}" does not exist.${hint}`)
}

export async function shutdown({ yes, ...where }: SureFlags, env: Environment): Promise<void> {
  const client = new Client(where, env)
  const what = `This will shut down Serve on the cluster at address "${client.address}" and delete all applications there.`
  if (yes !== true && !(await isSure(what))) return
  await client.deleteAll()
  say('Sent shutdown request; all applications are deleted.')
}

export async function remove(name: string, { yes, ...where }: SureFlags, env: Environment): Promise<void> {
  const client = new Client(where, env)
  applicationIn(await client.details(), name)
  if (yes !== true && !(await isSure(`This will delete application "${name}".`))) return
  await client.delete(name)
  say(`Sent delete request for application "${name}"; it is drained.`)
}

async function isSure(what: string): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout })
  terminal.on('close', () => undefined)
  const answer = await Promise.race([
    terminal.question(`${what} Do you want to continue? [y/N]: `),
    new Promise<string>((settle) => terminal.once('close', () => settle(''))),
  ])
  terminal.close()
  if (/^y(es)?$/i.test(answer.trim())) return true
  throw new ServeError('refused', 'Aborted! (-y does not ask.)')
}

interface Scaling {
  readonly application: string
  readonly deployment: string
  readonly replicas: number
  readonly flags: Located
  readonly env: Environment
}

export async function scale({ application, deployment, replicas, flags, env }: Scaling): Promise<void> {
  const client = new Client(flags, env)
  applicationIn(await client.details(), application)
  await client.scale(application, deployment, replicas)
  say(`Sent scaling request: ${replicas} replicas of deployment "${deployment}" of application "${application}".`)
}

export async function writeConfig(
  paths: string[],
  { outputPath }: { outputPath?: string },
  env: Environment,
): Promise<void> {
  const workingDir = process.cwd()
  const specs = await building(env, (at) =>
    Promise.all(
      paths.map((importPath, i) => {
        const named =
          paths.length === 1
            ? { name: 'default', routePrefix: '/' }
            : { name: `app${i + 1}`, routePrefix: `/app${i + 1}` }
        return startBuild(plainBuild({ importPath, workingDir, ...named }), at).result
      }),
    ),
  )
  const head = `# This file was generated using the \`batoid build\` command on batoid v${VERSION}.\n\n`
  const text = head + showConfig({ applications: specs.map(declarationOf) })
  if (outputPath === undefined) process.stdout.write(text)
  else writeFileSync(outputPath, text)
}

/** With a session of its own, since what is built writes its output somewhere. */
async function building<T>(env: Environment, build: (at: At) => Promise<T>): Promise<T> {
  const session = { directory: mkdtempSync(join(tmpdir(), 'batoid-build-')) }
  makeDirectory(outputDirectory(session))
  try {
    return await build({ session, env: withoutSecrets(env), clock: systemClock })
  } finally {
    rmSync(session.directory, { recursive: true, force: true })
  }
}

export async function logs({ follow, ...flags }: LogFlags): Promise<void> {
  const stop = new Promise<void>((settle) => process.once('SIGINT', settle).once('SIGTERM', settle))
  await showLogs(sessionOf(flags), flags, {
    print: (text) => process.stdout.write(`${text}\n`),
    clock: systemClock,
    follow: follow === true ? stop : undefined,
  })
}
