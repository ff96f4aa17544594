import { resolve } from 'node:path'
import { type Build, plainBuild, startConfigBuild } from '../shared/build.ts'
import { systemClock } from '../shared/clock.ts'
import { configKind, readConfigFile } from '../shared/config/file.ts'
import type { ServeConfig } from '../shared/config/schema.ts'
import { holdLifeline } from '../shared/lifeline.ts'
import type { Apply, Deploy, Target, TargetApplication } from '../shared/protocol.ts'
import { withoutSecrets } from '../shared/secrets.ts'
import { lifelineSocket, type Session } from '../shared/session.ts'
import { httpVariables, proxyLocation } from '../shared/settings.ts'
import type { Environment } from '../shared/variables.ts'
import { type ImportFlags, refuseWithConfig } from './import-flags.ts'
import { importedOf, type Importing } from './imported.ts'

/** What is to be run, whichever way it was said. */
export interface Plan {
  readonly applications: readonly Build[]
  /** What the controller is to be told, once so much has been built. */
  readonly requests: (applications: readonly TargetApplication[]) => readonly Request[]
  /** What it says of the processes, in their environment. */
  readonly env: Environment
}

type Request = Omit<Deploy, 'isReminder'> | Omit<Apply, 'isReminder'>

export interface Asked {
  /** An import path, or the file of a configuration; undefined: nothing yet. */
  readonly target: string | undefined
  readonly words: readonly string[]
  readonly flags: ImportFlags
  /** In which the command was given. */
  readonly directory: string
}

interface Planning {
  readonly session: Session
  readonly env: Environment
  readonly leave: Promise<unknown>
  /** The launcher holds its lifeline already. */
  readonly isHeld?: boolean
}

/** @throws ServeError with what is wrong with what was asked for */
export async function planOf(asked: Asked, at: Planning): Promise<Plan> {
  const { target, words, flags, directory } = asked
  const plain = { requests: deploys, env: {} }
  if (target === undefined) return { ...plain, applications: [] }
  const kind = configKind(target)
  if (kind === undefined) return { ...plain, applications: [await single({ ...asked, target })] }
  refuseWithConfig(target, words, flags)
  const { parseConfig } = await import('../shared/config/parse.ts')
  const { applicationsOf, targetOf } = await import('../shared/config/applications.ts')
  const config =
    kind === 'text' ? parseConfig(readConfigFile(target, directory), target) : await loadConfig(target, directory, at)
  return {
    applications: applicationsOf(config, directory),
    requests: (applications) => applies(targetOf(config, applications)),
    env: { ...httpEnvironment(config, directory), [proxyLocation.name]: config.proxy_location },
  }
}

async function single(importing: Importing): Promise<Build> {
  const { name = 'default', routePrefix = '/' } = importing.flags
  return plainBuild({ name, routePrefix, ...(await importedOf(importing)) })
}

/** By itself, beside whatever else runs. */
function deploys(all: readonly TargetApplication[]): Request[] {
  return all.flatMap(({ build }) => (build.state === 'built' ? [{ type: 'deploy', application: build.spec }] : []))
}

/** As a whole, once there is anything to say. */
function applies(target: Target): Request[] {
  const isBegun = target.applications.some(({ build }) => build.state !== 'building')
  return isBegun || target.applications.length === 0 ? [{ type: 'apply', target }] : []
}

/** The process that loads it is tied to this one, as every process of a cluster. */
async function loadConfig(
  file: string,
  workingDir: string,
  { session, env, leave, isHeld = false }: Planning,
): Promise<ServeConfig> {
  const lifeline = isHeld ? undefined : await holdLifeline(lifelineSocket(session))
  const told = { ...withoutSecrets(env), BATOID_LAUNCHED: '1', BATOID_SESSION_DIR: session.directory }
  const build = startConfigBuild(file, { session, env: told, clock: systemClock, workingDir })
  void leave.then(() => build.kill())
  try {
    return await build.result
  } finally {
    await lifeline?.close()
  }
}

/** Ray's `http_options` as the processes are told them. */
function httpEnvironment({ http_options: http }: ServeConfig, workingDir: string): Environment {
  const files = [
    [httpVariables.sslKeyfile, http.ssl_keyfile],
    [httpVariables.sslCertfile, http.ssl_certfile],
    [httpVariables.sslCaCerts, http.ssl_ca_certs],
  ] as const
  return {
    [httpVariables.host.name]: http.host,
    [httpVariables.port.name]: String(http.port),
    [httpVariables.requestTimeoutS.name]: String(http.request_timeout_s ?? 0),
    [httpVariables.keepAliveTimeoutS.name]: String(http.keep_alive_timeout_s),
    ...Object.fromEntries(
      files.flatMap(([{ name }, file]) => (file === null ? [] : [[name, resolve(workingDir, file)]])),
    ),
    ...(http.ssl_keyfile_password === null
      ? {}
      : { [httpVariables.sslKeyfilePassword.name]: http.ssl_keyfile_password }),
  }
}
