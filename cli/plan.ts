import { randomUUID } from 'node:crypto'
import { resolve } from 'node:path'
import { type Build, plainBuild, startConfigBuild } from '../shared/build.ts'
import { systemClock } from '../shared/clock.ts'
import { configKind, readConfigFile } from '../shared/config/file.ts'
import type { ServeConfig } from '../shared/config/schema.ts'
import type { DeclaredApplication } from '../shared/declaration.ts'
import { holdLifeline } from '../shared/lifeline.ts'
import type { FromLauncher } from '../shared/protocol.ts'
import { withoutSecrets } from '../shared/secrets.ts'
import { lifelineSocket, type Session } from '../shared/session.ts'
import { httpVariables, proxyLocation } from '../shared/settings.ts'
import type { Environment } from '../shared/variables.ts'
import { type ImportFlags, refuseWithConfig } from './import-flags.ts'
import { importedOf, type Importing } from './imported.ts'

/** What is to be run, whichever way it was said. */
export interface Plan {
  readonly applications: readonly Build[]
  readonly orders: Orders
  /** What it says of the processes, in their environment. */
  readonly env: Environment
}

/** What the controller is to be told, once so much has been built. */
export interface Orders {
  /** At first, and as a reminder to one that may have forgotten. */
  readonly all: (applications: readonly DeclaredApplication[], isReminder: boolean) => readonly FromLauncher[]
  /** When more has been built. */
  readonly news: (applications: readonly DeclaredApplication[]) => readonly FromLauncher[]
}

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
  const plain = { orders: BY_ITSELF, env: {} }
  if (target === undefined) return { ...plain, applications: [] }
  const kind = configKind(target)
  if (kind === undefined) return { ...plain, applications: [await single({ ...asked, target })] }
  refuseWithConfig(target, words, flags)
  const { parseConfig } = await import('../shared/config/parse.ts')
  const { applicationsOf, declarationFrom } = await import('../shared/config/applications.ts')
  const config =
    kind === 'text' ? parseConfig(readConfigFile(target, directory), target) : await loadConfig(target, directory, at)
  const id = randomUUID()
  return {
    applications: applicationsOf(config, directory),
    orders: {
      all: (applications, isReminder) => [
        { type: 'apply', declaration: declarationFrom(config, id, applications), isReminder },
      ],
      news: (applications) => [{ type: 'built', id, applications }],
    },
    env: { ...httpEnvironment(config, directory), [proxyLocation.name]: config.proxy_location },
  }
}

async function single(importing: Importing): Promise<Build> {
  const { name = 'default', routePrefix = '/' } = importing.flags
  return plainBuild({ name, routePrefix, ...(await importedOf(importing)) })
}

/** Beside whatever else runs. */
const BY_ITSELF: Orders = { all: deploys, news: (applications) => deploys(applications, false) }

function deploys(all: readonly DeclaredApplication[], isReminder: boolean): FromLauncher[] {
  return all.flatMap(({ build }) =>
    build.state === 'built' ? [{ type: 'deploy', application: build.spec, isReminder }] : [],
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
