import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import type { Clock } from './clock.ts'
import { type ErrorReport, ServeError } from './errors.ts'
import { showExit, startProcess } from './output.ts'
import type { ApplicationSpec } from './protocol.ts'
import { outputDirectory, type Session } from './session.ts'
import type { Environment } from './settings.ts'

const BUILD_MAIN = fileURLToPath(new URL('../replica/build/main.js', import.meta.url))
/** As long as a replica may take to start: the build loads the same module. */
const TIMEOUT_MS = 120_000

export interface Build {
  readonly importPath: string
  readonly workingDir: string
  readonly name: string
  readonly routePrefix: string | null
  readonly rollback: boolean
}

export interface BuildProcess {
  /** @throws ServeError with what is wrong with the user's module */
  readonly result: Promise<ApplicationSpec>
  kill(): void
}

/** Starts a process that loads the user's module and says what the application consists of. */
export function startBuild(build: Build, at: { session: Session; env: Environment; clock: Clock }): BuildProcess {
  const { importPath, workingDir } = build
  const start = {
    command: process.execPath,
    args: [BUILD_MAIN, importPath, workingDir],
    cwd: workingDir,
    env: at.env,
    prefix: 'build_serve_application',
    extra: ['pipe' as const],
  }
  const child = startProcess(start, outputDirectory(at.session))
  const kill = () => void child.kill('SIGKILL')
  return { result: outcome(build, child, at.clock, kill), kill }
}

async function outcome(
  build: Build,
  child: ReturnType<typeof startProcess>,
  clock: Clock,
  kill: () => void,
): Promise<ApplicationSpec> {
  const exited = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('exit', (code, signal) => resolve(showExit(code, signal)))
  })
  let isLate = false
  const cancel = clock.after(TIMEOUT_MS, () => {
    isLate = true
    kill()
  })
  const said = await text(child.stdio[3] as Readable)
  const how = await exited
  cancel()
  const cannot = `cannot run '${build.importPath}': `
  if (isLate) throw new ServeError('module_failed', `${cannot}its module was not loaded within ${TIMEOUT_MS} ms`)
  if (said === '') throw new ServeError('module_failed', cannot + unsaid(how))
  const result = JSON.parse(said) as Pick<ApplicationSpec, 'ingress' | 'deployments'> | { error: ErrorReport }
  if ('error' in result)
    throw new ServeError(result.error.code, result.error.message, { userStack: result.error.stack })
  return { ...build, ...result }
}

function unsaid(how: string): string {
  const UNSETTLED_AWAIT = 'exit code 13'
  return how === UNSETTLED_AWAIT
    ? 'its module waits for a promise that nobody settles (top-level await)'
    : `the process that loaded its module ended with ${how}; a module must not end its process`
}
