import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { request } from 'node:http'
import { createServer } from 'node:net'
import { join } from 'node:path'

/** What is asked to leave may take so long; batoid drains meanwhile. */
const LEAVE_MS = 8_000
const READY_MS = 20_000

/**
 * Runs its arguments until its standard input ends, which it does however the bench ends. The command's own input is
 * /dev/null, as with everything that a shell runs in the background.
 */
const LEASH = '"$@" & read -r _; kill -TERM $! 2>/dev/null; wait $!'

export interface Command {
  readonly name: string
  readonly args: readonly [string, ...string[]]
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** Where what it prints goes (default: into a file, for the message about its failure). */
  readonly output?: 'nowhere' | 'caller'
}

/** Starts processes and ends them all. */
export class Processes {
  readonly #directory: string
  readonly #leashes = new Map<string, ChildProcess>()

  constructor(directory: string) {
    this.#directory = directory
  }

  /** Starts a command below a leash, in a process group of its own: Ctrl-C in the terminal is the bench's alone. */
  start({ name, args, env = {}, cwd, output }: Command): ChildProcess {
    const file = output === undefined ? openSync(this.#output(name), 'a') : undefined
    const shown = file ?? (output === 'caller' ? 'pipe' : 'ignore')
    const leash = spawn('sh', ['-c', LEASH, 'leash', ...args], {
      cwd,
      env: { ...process.env, ...env },
      detached: true,
      stdio: ['pipe', shown, shown],
    })
    if (file !== undefined) closeSync(file)
    // It may be gone when it is let go.
    leash.stdin?.on('error', () => {})
    this.#leashes.set(name, leash)
    return leash
  }

  /** The command itself and all that it has started. */
  tree(name: string): readonly number[] {
    const leash = this.#leashes.get(name)?.pid
    return leash === undefined ? [] : descendants(leash)
  }

  /** The end of what the one that was started last has printed. */
  lastOutput(): string {
    const name = [...this.#leashes.keys()].at(-1) ?? ''
    return readFileSync(this.#output(name), { encoding: 'utf8', flag: 'a+' }).trim().slice(-500)
  }

  async stop(name: string): Promise<void> {
    const leash = this.#leashes.get(name)
    if (leash === undefined) return
    this.#leashes.delete(name)
    const pids = descendants(leash.pid ?? 0)
    const ended = once(leash, 'exit')
    leash.stdin?.end()
    const overdue = setTimeout(() => kill([-(leash.pid ?? 0), ...pids]), LEAVE_MS)
    await ended
    clearTimeout(overdue)
    // What left its group, as replicas do, when the one that would have ended them was killed.
    kill(pids)
  }

  async stopAll(): Promise<void> {
    await Promise.all([...this.#leashes.keys()].map((name) => this.stop(name)))
  }

  #output(name: string): string {
    return join(this.#directory, `${name}.out`)
  }
}

export function kill(pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // It has gone already.
    }
  }
}

/** A port that is free now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address !== null ? address.port : 0
}

/** The body of an answer with status 200; undefined for anything else. `socketPath` goes before the port. */
export function ask(at: { port: number } | { socketPath: string }, path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const sent = request({ host: '127.0.0.1', path, agent: false, timeout: 2_000, ...at }, (answer) => {
      let text = ''
      answer.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk
      })
      answer.on('close', () => resolve(answer.statusCode === 200 ? text : undefined))
    })
    sent.on('timeout', () => sent.destroy())
    sent.on('error', () => resolve(undefined))
    sent.end()
  })
}

export async function until(holds: () => boolean | Promise<boolean>, withinMs = READY_MS): Promise<boolean> {
  const end = performance.now() + withinMs
  while (performance.now() < end) {
    if (await holds()) return true
    await sleep(25)
  }
  return false
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

/** Nanoseconds of processor time; undefined where there is no Linux to ask. */
export function cpuNs(pids: readonly number[]): number | undefined {
  return sum(pids, (pid) =>
    readdirSync(`/proc/${pid}/task`)
      .map((task) => Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]))
      .reduce((a, b) => a + b, 0),
  )
}

/** Resident memory; undefined where there is no Linux to ask. */
export function residentMiB(pids: readonly number[]): number | undefined {
  return sum(pids, (pid) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024)
}

/** Not for what has ended and waits for its parent to hear of it. */
export function isAlive(pid: number): boolean {
  return commandLine(pid) !== ''
}

export function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
  } catch {
    return ''
  }
}

function sum(pids: readonly number[], measure: (pid: number) => number): number | undefined {
  try {
    return pids.length === 0 ? undefined : pids.map(measure).reduce((a, b) => a + b, 0)
  } catch {
    return undefined
  }
}

function descendants(pid: number): number[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean)
    return children.flatMap((child) => [Number(child), ...descendants(Number(child))])
  } catch {
    return []
  }
}
