import type { ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import type { Duplex } from 'node:stream'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import type { Clock } from './clock.ts'
import { LOGGING_DEFAULTS } from './config/defaults.ts'
import type { OptionsInput } from './config/options.ts'
import type { ServeConfig } from './config/schema.ts'
import { type ErrorReport, ServeError } from './errors.ts'
import { showExit, startProcess } from './output.ts'
import type { ApplicationSpec } from './protocol.ts'
import { outputDirectory, type Session } from './session.ts'
import type { Environment } from './variables.ts'

const BUILD_MAIN = fileURLToPath(new URL('../replica/build/main.js', import.meta.url))
/** As long as a replica may take to start: the build loads the same module. */
const TIMEOUT_MS = 120_000

/** An application as it is declared: what is to be built. */
export interface Build extends Omit<ApplicationSpec, 'ingress' | 'deployments'> {
  /** What is different from the code. */
  readonly overrides: readonly Overrides[]
}

export interface Overrides extends OptionsInput {
  /** Of a deployment of the code. */
  readonly name: string
}

/** An application of which nothing more is said. */
export function plainBuild(
  said: Pick<Build, 'name' | 'routePrefix' | 'importPath' | 'workingDir'> & Partial<Pick<Build, 'args' | 'envVars'>>,
): Build {
  return { args: {}, envVars: {}, loggingConfig: LOGGING_DEFAULTS, rollback: false, overrides: [], ...said }
}

/** What the build process is asked for. */
export type BuildRequest =
  | { readonly load: 'application'; readonly build: Pick<Build, 'importPath' | 'workingDir' | 'args' | 'overrides'> }
  /** A module whose default export is a configuration. */
  | { readonly load: 'config'; readonly file: string; readonly workingDir: string }

export interface BuildProcess<T> {
  /** @throws ServeError with what is wrong with the user's module */
  readonly result: Promise<T>
  kill(): void
}

export interface At {
  readonly session: Session
  readonly env: Environment
  readonly clock: Clock
}

/** Starts a process that loads the user's module and says what the application consists of. */
export function startBuild(declared: Build, at: At): BuildProcess<ApplicationSpec> {
  const { overrides, ...build } = declared
  const { importPath, workingDir, args, envVars } = build
  const request = { load: 'application', build: { importPath, workingDir, args, overrides } } as const
  const building = start<Pick<ApplicationSpec, 'ingress' | 'deployments' | 'codeVersion'>>(request, {
    ...at,
    what: importPath,
    workingDir,
    env: { ...at.env, ...envVars },
  })
  return { ...building, result: building.result.then((found) => ({ ...found, ...build })) }
}

/** Starts a process that loads a configuration that is code. */
export function startConfigBuild(file: string, at: At & { readonly workingDir: string }): BuildProcess<ServeConfig> {
  return start({ load: 'config', file, workingDir: at.workingDir }, { ...at, what: file })
}

interface Circumstances extends At {
  /** What is run, for people. */
  readonly what: string
  readonly workingDir: string
}

function start<T>(request: BuildRequest, at: Circumstances): BuildProcess<T> {
  const child = startProcess(
    {
      command: process.execPath,
      args: [BUILD_MAIN],
      cwd: at.workingDir,
      env: at.env,
      prefix: 'build_serve_application',
      extra: ['pipe'],
    },
    outputDirectory(at.session),
  )
  const kill = () => void child.kill('SIGKILL')
  return { result: outcome<T>(request, child, at, kill), kill }
}

async function outcome<T>(
  request: BuildRequest,
  child: ChildProcess,
  { what, workingDir, clock }: Circumstances,
  kill: () => void,
): Promise<T> {
  const exited = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('exit', (code, signal) => resolve(showExit(code, signal)))
  })
  let isLate = false
  const cancel = clock.after(TIMEOUT_MS, () => {
    isLate = true
    kill()
  })
  const said = await converse(child.stdio[3] as Duplex, JSON.stringify(request))
  const how = await exited
  cancel()
  const cannot = `cannot run '${what}': `
  if (isLate) throw new ServeError('module_failed', `${cannot}its module was not loaded within ${TIMEOUT_MS} ms`)
  if (said === '' && !existsSync(workingDir))
    throw new ServeError('module_not_found', `${cannot}there is no directory ${workingDir} in which it could run`)
  if (said === '') throw new ServeError('module_failed', cannot + unsaid(how))
  const result = JSON.parse(said) as { readonly found: T } | { readonly error: ErrorReport }
  if ('found' in result) return result.found
  throw new ServeError(result.error.code, result.error.message, { userStack: result.error.stack })
}

/** Both ways over one descriptor: a request may be larger than arguments and environment can be. */
async function converse(pipe: Duplex, request: string): Promise<string> {
  // A process that has gone did not read it, and its end says more.
  pipe.on('error', () => undefined)
  pipe.end(request)
  return await text(pipe).catch(() => '')
}

function unsaid(how: string): string {
  const UNSETTLED_AWAIT = 'exit code 13'
  return how === UNSETTLED_AWAIT
    ? 'its module waits for a promise that nobody settles (top-level await)'
    : `the process that loaded its module ended with ${how}; a module must not end its process`
}
