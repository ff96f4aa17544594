import { resolve } from 'node:path'
import { type Build, plainBuild, startConfigBuild } from '../shared/build.ts'
import { systemClock } from '../shared/clock.ts'
import { configKind, readConfigFile } from '../shared/config/file.ts'
import type { ServeConfig } from '../shared/config/schema.ts'
import { ServeError } from '../shared/errors.ts'
import { holdLifeline } from '../shared/lifeline.ts'
import type { Apply, Deploy, Target, TargetApplication } from '../shared/protocol.ts'
import { withoutSecrets } from '../shared/secrets.ts'
import { lifelineSocket, type Session } from '../shared/session.ts'
import { httpVariables } from '../shared/settings.ts'
import type { Environment } from '../shared/variables.ts'
import { parseArguments } from './arguments.ts'

/** What is to be run, whichever way it was said. */
export interface Plan {
  readonly applications: readonly Build[]
  /** What the controller is to be told, once so much has been built. */
  readonly requests: (applications: readonly TargetApplication[]) => readonly Request[]
  /** What it says of the processes, in their environment. */
  readonly env: Environment
  readonly hasProxies: boolean
}

type Request = Omit<Deploy, 'isReminder'> | Omit<Apply, 'isReminder'>

export interface Asked {
  /** An import path, or the file of a configuration; undefined: nothing yet. */
  readonly target: string | undefined
  readonly words: readonly string[]
  /** undefined: not said. */
  readonly name: string | undefined
  readonly routePrefix: string | undefined
  readonly workingDir: string
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
  const { target, workingDir } = asked
  const plain = { requests: deploys, env: {}, hasProxies: true }
  if (target === undefined) return { ...plain, applications: [] }
  const kind = configKind(target)
  if (kind === undefined) return { ...plain, applications: [single(asked, target)] }
  refuseFlags(asked)
  const { parseConfig } = await import('../shared/config/parse.ts')
  const { applicationsOf, targetOf } = await import('../shared/config/applications.ts')
  const config =
    kind === 'text' ? parseConfig(readConfigFile(target, workingDir), target) : await loadConfig(target, workingDir, at)
  return {
    applications: applicationsOf(config, workingDir),
    requests: (applications) => applies(targetOf(config, applications)),
    env: httpEnvironment(config, workingDir),
    hasProxies: config.proxy_location !== 'Disabled',
  }
}

function single({ words, name = 'default', routePrefix = '/', workingDir }: Asked, importPath: string): Build {
  return plainBuild({ importPath, workingDir, name, routePrefix, args: parseArguments(words) })
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

function refuseFlags({ target, words, name, routePrefix }: Asked): void {
  const given = [
    ...(words.length > 0 ? ['arguments'] : []),
    ...(name === undefined ? [] : ['--name']),
    ...(routePrefix === undefined ? [] : ['--route-prefix']),
  ]
  if (given.length === 0) return
  const instead = 'write args, name and route_prefix into it, of each application'
  throw new ServeError(
    'bad_usage',
    `${given.join(' and ')} cannot be given with a configuration (${target}): ${instead}`,
  )
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
