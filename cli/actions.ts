import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
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
import { Client, type InstanceDetails, sessionOf, type Whereabouts } from './client.ts'
import { type ImportFlags, refuseWithConfig } from './import-flags.ts'
import { importedOf, type Importing, importPathIn } from './imported.ts'
import type { Choice } from './log-entries.ts'
import { showLogs } from './logs.ts'
import { cliLine, SOURCE } from './prefix.ts'
import { makeDirectory } from './session-directory.ts'
import { makeSure } from './sure.ts'
import { applicationStatusOf, declarationOf, showConfig, statusOf } from './show.ts'

export type Located = Whereabouts
export type ShowFlags = Located & { readonly name?: string; readonly json?: true }
export type SureFlags = Located & { readonly yes?: true }
export type DeployFlags = Located & ImportFlags
export type BuildFlags = Pick<ImportFlags, 'appDir'> & { readonly outputPath?: string }
export type LogFlags = Located & Choice & { readonly follow?: true }

const say = (text: string): void => console.log(cliLine('INFO', SOURCE, text, Date.now()))

interface Deploying {
  readonly target: string
  readonly words: readonly string[]
  readonly flags: DeployFlags
  readonly env: Environment
}

export async function deploy({ target, words, flags, env }: Deploying): Promise<void> {
  const client = new Client(flags, env)
  const kind = configKind(target)
  if (kind !== undefined) refuseWithConfig(target, words, flags)
  say(`Deploying from ${kind === undefined ? 'import path' : 'config file'}: '${target}'.`)
  await client.declare(
    kind === undefined
      ? await single({ target, words, flags, directory: process.cwd() })
      : await declaration(target, kind, env),
  )
  say(
    "\nSent deploy request successfully.\n * Use `batoid status` to check applications' statuses.\n" +
      ' * Use `batoid config` to see the current application config(s).\n',
  )
}

async function single(importing: Importing): Promise<object> {
  const { name, routePrefix } = importing.flags
  const { importPath, workingDir, args, envVars } = await importedOf(importing)
  const application = {
    ...(name === undefined ? {} : { name }),
    ...(routePrefix === undefined ? {} : { route_prefix: routePrefix }),
    import_path: importPath,
    args,
    runtime_env: { working_dir: workingDir, ...(Object.keys(envVars).length > 0 ? { env_vars: envVars } : {}) },
  }
  return { applications: [application] }
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

export async function controllerHealth({ json, ...where }: ShowFlags, env: Environment): Promise<void> {
  const { controller_health_metrics: metrics } = await new Client(where, env).details()
  process.stdout.write(json === true ? `${JSON.stringify(metrics, null, 2)}\n` : showConfig(metrics))
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
  return among(applications, name, `Application "${name}"`)
}

/** @throws ServeError `refused`, with what may have been meant */
function among<T>(all: Readonly<Record<string, T>>, name: string, what: string): T {
  const found = Object.hasOwn(all, name) ? all[name] : undefined
  if (found !== undefined) return found
  const names = Object.keys(all)
  const near = nearest(name, names)
  const others = names.length === 0 ? 'There is none.' : `There is ${names.map((one) => `"${one}"`).join(', ')}.`
  throw new ServeError('refused', `${what} does not exist. ${near === undefined ? others : `Did you mean "${near}"?`}`)
}

export async function remove(name: string, { yes, ...where }: SureFlags, env: Environment): Promise<void> {
  const client = new Client(where, env)
  applicationIn(await client.details(), name)
  if (yes !== true) await makeSure(`This will delete application "${name}".`)
  await client.delete(name)
  say(`Sent delete request for application "${name}"; it is drained.`)
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
  const { deployments } = applicationIn(await client.details(), application)
  among(deployments, deployment, `Deployment "${deployment}" of application "${application}"`)
  await client.scale(application, deployment, replicas)
  say(`Sent scaling request: ${replicas} replicas of deployment "${deployment}" of application "${application}".`)
}

export async function writeConfig(
  paths: string[],
  { outputPath, appDir }: BuildFlags,
  env: Environment,
): Promise<void> {
  const workingDir = process.cwd()
  const specs = await building(env, (at) =>
    Promise.all(
      paths.map((path, i) => {
        const importPath = appDir === undefined ? path : importPathIn(appDir, path)
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
  await showLogs(sessionOf(flags), flags, {
    print: printed,
    clock: systemClock,
    follow: follow === true ? interrupted() : undefined,
  })
}

function interrupted(): Promise<void> {
  return new Promise((settle) => process.once('SIGINT', settle).once('SIGTERM', settle))
}

/** Waits for who reads, so that not everything lies in memory. */
function printed(text: string): Promise<boolean> {
  return new Promise((settle) => process.stdout.write(text, (error) => settle(error === null || error === undefined)))
}
