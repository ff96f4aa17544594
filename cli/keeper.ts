import type { ChildProcess } from 'node:child_process'
import { dirname } from 'node:path'
import { restartDelayMs } from '../shared/backoff.ts'
import type { Clock, Instant } from '../shared/clock.ts'
import { messageOf } from '../shared/errors.ts'
import type { Random } from '../shared/ids.ts'
import { showExit, startProcess } from '../shared/output.ts'
import { outputDirectory, type Session } from '../shared/session.ts'
import type { Standing } from './standing.ts'

/** A process that ends with this code says that no restart will help. */
const BAD_CONFIGURATION = 2

/**
 * Without these processes nothing works, and waiting helps nobody: the delays are only there so that one which dies as
 * soon as it starts does not take the machine.
 */
const WELL_MS = 1_000

export interface KeeperOptions {
  readonly session: Session
  /** Where the Procfile lies, and its commands are run. */
  readonly directory: string
  readonly clock: Clock
  readonly random: Random
  readonly restarting: (name: string, how: string, delayMs: number) => void
  readonly hopeless: (name: string, how: string) => void
}

interface Kept {
  readonly child: ChildProcess
  readonly since: Instant
  readonly exited: Promise<void>
}

/** Keeps the processes of the Procfile alive: one that ends is started again, at once, or with growing delays if it keeps dying at once. */
export class Keeper {
  readonly #options: KeeperOptions
  readonly #kept = new Map<string, Kept>()
  readonly #failures = new Map<string, number>()
  #isStopping = false

  constructor(options: KeeperOptions) {
    this.#options = options
  }

  start(standing: Standing): void {
    const { session, directory, clock } = this.#options
    const { name, command, prefix, env, sockets } = standing
    const listen = sockets.length === 0 ? '' : `export LISTEN_FDS=${sockets.length} LISTEN_PID=$$; `
    const start = {
      command: '/bin/sh',
      args: ['-c', listen + command],
      cwd: directory,
      // The Procfile says `node`: that is the Node that runs this.
      env: { ...env, PATH: `${dirname(process.execPath)}:${env['PATH'] ?? ''}` },
      prefix,
      extra: sockets,
    }
    const child = startProcess(start, outputDirectory(session))
    const exited = new Promise<void>((resolve) => {
      const ended = (how: string, code: number | null) => {
        this.#kept.delete(name)
        resolve()
        this.#ended(standing, since, how, code)
      }
      child.once('error', (error) => ended(error.message, null))
      child.once('exit', (code, signal) => ended(showExit(code, signal), code))
    })
    const since = clock.now()
    this.#kept.set(name, { child, since, exited })
  }

  /** Asks the processes to leave, kills them after `graceMs`, and waits for their ends. */
  async stop(names: readonly string[], graceMs: number): Promise<void> {
    this.#isStopping = true
    await Promise.all(names.map((name) => this.#stop(name, graceMs)))
  }

  async #stop(name: string, graceMs: number): Promise<void> {
    const kept = this.#kept.get(name)
    if (kept === undefined) return
    kept.child.kill('SIGTERM')
    const cancel = this.#options.clock.after(graceMs, () => kept.child.kill('SIGKILL'))
    await kept.exited
    cancel()
  }

  async killAll(): Promise<void> {
    this.#isStopping = true
    const all = [...this.#kept.values()]
    for (const { child } of all) child.kill('SIGKILL')
    await Promise.all(all.map(({ exited }) => exited))
  }

  #ended(standing: Standing, since: Instant, how: string, code: number | null): void {
    if (this.#isStopping) return
    const { clock, random, restarting, hopeless } = this.#options
    const { name } = standing
    if (code === BAD_CONFIGURATION) return hopeless(name, how)
    const before = clock.now() - since >= WELL_MS ? 0 : (this.#failures.get(name) ?? 0)
    this.#failures.set(name, before + 1)
    const delayMs = restartDelayMs(before + 1, random)
    restarting(name, how, delayMs)
    clock.after(delayMs, () => {
      if (!this.#isStopping) this.#restart(standing)
    })
  }

  /** What cannot be started now, for want of descriptors say, may be later. */
  #restart(standing: Standing): void {
    try {
      this.start(standing)
    } catch (error) {
      this.#ended(standing, this.#options.clock.now(), `it could not be started: ${messageOf(error)}`, null)
    }
  }
}
