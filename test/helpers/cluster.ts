import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { eventually } from './eventually.ts'

const MAIN = resolve('dist/cli/main.js')

export interface ClusterOptions {
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** What to run instead of `batoid run`, in a process group of its own, which gets Ctrl-C as in a terminal. */
  readonly command?: readonly [string, ...string[]]
}

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** A launcher that a test has started, with everything that belongs to it. */
export interface Launched {
  readonly child: ChildProcess
  readonly session: string
  /** What it has printed so far. */
  stdout(): string
  stderr(): string
  lines(): string[]
  readonly ended: Promise<Ended>
  /** Pids of all living processes of this cluster, the launcher included. */
  pids(): number[]
  /** The text of the log files whose names match. */
  log(name: RegExp): string
  /** As the terminal would: to the process group, if it has one of its own. */
  signal(name: NodeJS.Signals): void
  /** Kills what is left, and complains of what a stopped cluster has left behind. */
  dispose(): Promise<void>
}

export interface Cluster extends Launched {
  readonly url: string
  /** Ctrl-C; resolves when the launcher has gone. */
  stop(): Promise<Ended>
}

/** Starts `batoid run target` in a session directory of its own. Does not wait for anything. */
export function launch(target: string | undefined, options: ClusterOptions = {}): Launched {
  const session = mkdtempSync(join(tmpdir(), 'batoid-test-'))
  const [command, ...first] = options.command ?? [process.execPath, MAIN, 'run']
  const own = ['--http-port', '0', '--dashboard-port', '0', '--session-dir', session, ...(options.args ?? [])]
  const { NODE_OPTIONS: _, ...env } = process.env
  const child = spawn(command, [...first, ...(target === undefined ? [] : [target]), ...own], {
    cwd: options.cwd ?? process.cwd(),
    env: { ...env, FORCE_COLOR: '0', ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: options.command !== undefined,
  })
  const signal = (name: NodeJS.Signals) => {
    if (options.command === undefined || child.pid === undefined) child.kill(name)
    else process.kill(-child.pid, name)
  }
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const ended = new Promise<Ended>((settle) => child.once('close', (code, signal) => settle({ code, signal })))
  const log = (name: RegExp) => {
    const directory = join(session, 'logs/serve')
    const files = readdirSync(directory).filter((file) => name.test(file))
    return files.map((file) => readFileSync(join(directory, file), 'utf8')).join('')
  }
  const dispose = async () => {
    const wasRunning = child.exitCode === null && child.signalCode === null
    if (wasRunning) signal('SIGKILL')
    await ended
    const left = () => processesOf(session)
    try {
      await eventually(() => left().length === 0, { withinMs: wasRunning ? 5_000 : 500 })
      const sockets = readdirSync(session).filter((file) => file.endsWith('.sock'))
      if (sockets.length > 0) throw new Error(`left behind: ${sockets.join(', ')}`)
    } finally {
      for (const pid of left()) process.kill(pid, 'SIGKILL')
      rmSync(session, { recursive: true, force: true })
    }
  }
  const text = () => stdout
  return {
    child,
    session,
    stdout: text,
    stderr: () => stderr,
    lines: () => stdout.split('\n').slice(0, -1),
    ended,
    pids: () => processesOf(session),
    log,
    signal,
    dispose,
  }
}

/** Starts a cluster and waits until its application is ready. */
export async function startCluster(target: string, options: ClusterOptions = {}): Promise<Cluster> {
  const launched = launch(target, options)
  const ready = eventually(() => /Application '.*' is ready at (https?:\S+)\.\n/.exec(launched.stdout())?.[1], {
    withinMs: 25_000,
  })
  const url = await Promise.race([ready, launched.ended]).catch((error: unknown) => error)
  if (typeof url !== 'string') {
    const said = `${launched.stdout()}\n${launched.stderr()}`
    await launched.dispose()
    throw new Error(`the cluster did not start: ${JSON.stringify(url)}\n${said}`)
  }
  const stop = () => {
    launched.signal('SIGINT')
    return launched.ended
  }
  return { ...launched, url: url.replace(/\/$/, ''), stop }
}

/** Every process of a cluster has its session directory in its environment or arguments. */
function processesOf(session: string): number[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) return []
    try {
      const isDead = /\) [ZX] /.test(readFileSync(`/proc/${name}/stat`, 'latin1'))
      const facts = readFileSync(`/proc/${name}/environ`, 'latin1') + readFileSync(`/proc/${name}/cmdline`, 'latin1')
      return !isDead && facts.includes(session) ? [Number(name)] : []
    } catch {
      return []
    }
  })
}
