import type { ChildProcess } from 'node:child_process'
import { systemClock } from '../shared/clock.ts'
import { ServeError } from '../shared/errors.ts'
import { showExit, startProcess } from '../shared/output.ts'
import { outputDirectory, type Session } from '../shared/session.ts'
import type { Environment } from '../shared/variables.ts'
import { complain } from './complain.ts'
import { followOutput } from './log-follower.ts'
import { cliLine, isColourful, showPrefix, SOURCE } from './prefix.ts'
import { EXIT_INTERRUPTED, type Signals } from './signals.ts'
import { LAUNCHER, type Said } from './starter.ts'

export interface Background {
  /** Of this command, which the launcher is given again. */
  readonly argv: readonly string[]
  readonly env: Environment
  readonly session: Session
  /** What has to be added to commands so that they find this session. */
  readonly flags: string
  readonly signals: Signals
}

/**
 * Starts the launcher in the background, in a session of the kernel's own, and shows what its cluster says until it is
 * ready or has ended. Resolves with the exit code.
 */
export async function launchInBackground(background: Background): Promise<number> {
  const { argv, env, session, flags, signals } = background
  const child = startProcess(
    {
      command: process.execPath,
      args: [...process.execArgv, ...argv.slice(1)],
      cwd: process.cwd(),
      // The session directory has been made, and what is in it is to be kept.
      env: { ...env, BATOID_BACKGROUND: session.directory },
      prefix: LAUNCHER,
      extra: ['ipc'],
    },
    outputDirectory(session),
  )
  const follower = followOutput({
    directory: outputDirectory(session),
    print: ({ name, pid }, line) => {
      const prefix = pid === child.pid ? '' : showPrefix({ name, pid }, isColourful(env, process.stdout.isTTY))
      process.stdout.write(`${prefix}${line}\n`)
    },
    clock: systemClock,
  })
  let isWaiting = true
  for (const press of [signals.first, signals.second]) void press.then(() => isWaiting && child.kill('SIGINT'))
  const code = await outcome(child)
  isWaiting = false
  follower.drain()
  follower.close()
  // A launcher that has drained what was not ready yet was told to: there is no cluster.
  if (code === 0) return EXIT_INTERRUPTED
  if (code !== undefined) return typeof code === 'number' ? code : complain(code)
  child.unref()
  const text = `The cluster runs in the background, with its logs in ${session.directory}/logs. End it with \`batoid shutdown${flags}\`.`
  console.log(cliLine('INFO', SOURCE, text, Date.now()))
  return 0
}

/** undefined: it is ready. Otherwise what is wrong, or the exit code. */
function outcome(child: ChildProcess): Promise<Error | number | undefined> {
  return new Promise((resolve) => {
    let failure: Error | undefined
    child.on('message', (said: Said) => {
      if (said.type === 'ready') return resolve(undefined)
      const { code, message, stack } = said.error
      failure = new ServeError(code, message, { userStack: stack })
    })
    child.once('error', resolve)
    child.once('exit', (code, signal) => {
      const unsaid = new ServeError('internal', `the launcher ended with ${showExit(code, signal)}`)
      // It was interrupted so early that it did not listen.
      resolve(failure ?? code ?? (signal === 'SIGINT' ? EXIT_INTERRUPTED : unsaid))
    })
  })
}
