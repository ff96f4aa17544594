import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process'
import { closeSync, existsSync, openSync, renameSync, unlinkSync } from 'node:fs'
import { dirname } from 'node:path'

export interface Start {
  readonly command: string
  readonly args: readonly string[]
  readonly cwd: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** What stands before each of its lines on the terminal. */
  readonly prefix: string
  /** Unique, for one that may outlive this process before it has a name: see `nameOutput`. */
  readonly id?: string
  /** File descriptors 3 and up. */
  readonly extra?: readonly (number | 'pipe' | 'ipc')[]
}

let started = 0

/**
 * Starts a process in a session of its own, so that a Ctrl-C in the terminal reaches the launcher alone. It writes
 * what is to be shown into a file and not into a pipe: no process ever blocks on, or dies with, a reader. The file gets
 * its name once the pid is known; what follows the directory never sees it under another.
 */
export function startProcess(
  { command, args, cwd, env, prefix, id, extra = [] }: Start,
  directory: string,
): ChildProcess {
  started += 1
  const temporary = namelessFile(directory, id ?? `${process.pid}-${started}`)
  const fd = openSync(temporary, 'a', 0o600)
  try {
    const stdio: StdioOptions = ['ignore', fd, fd, ...extra]
    const child = spawn(command, args, { cwd, env, stdio, detached: true })
    if (child.pid === undefined) unlinkSync(temporary)
    else name(child, temporary, outputFile(directory, prefix, child.pid))
    return child
  } finally {
    closeSync(fd)
  }
}

/** A process whose output nobody would find is not let live. */
function name(child: ChildProcess, temporary: string, file: string): void {
  try {
    renameSync(temporary, file)
  } catch (error) {
    child.kill('SIGKILL')
    throw error
  }
}

/** Gives the output of a process its name that was started by another one, which was killed before it could. */
export function nameOutput(id: string, file: string): void {
  const nameless = namelessFile(dirname(file), id)
  if (existsSync(nameless)) renameSync(nameless, file)
}

function namelessFile(directory: string, id: string): string {
  return `${directory}/.starting-${id}`
}

export function outputFile(directory: string, prefix: string, pid: number): string {
  return `${directory}/${encodeURIComponent(prefix)}-${pid}.out`
}

/** How a process ended, for people. */
export function showExit(code: number | null, signal: NodeJS.Signals | null): string {
  return signal === null ? `exit code ${code ?? 'unknown'}` : `signal ${signal}`
}
