import fs from 'node:fs'
import { join, relative } from 'node:path'
import type { Clock } from '../shared/clock.ts'
import { messageOf } from '../shared/errors.ts'
import { Settle } from './settle.ts'

/** An editor writes several files, or one several times. */
const QUIET_MS = 150
/** Whatever writes without a pause delays things no longer. */
const LONGEST_MS = 2_000
const SOURCES = /\.(?:[cm]?[jt]sx?|json|ya?ml)$/
const OTHERS = /^(?:node_modules|\..*)$/

export interface WatcherOptions {
  readonly directory: string
  /** Below it, what is no source: a session directory changes all the time. */
  readonly except: string
  /** Called with what has changed, relative to the directory, once nothing changes for a moment. */
  readonly changed: (files: readonly string[]) => void
  readonly clock: Clock
  /** What cannot be watched, and why. */
  readonly problem: (text: string) => void
}

/** Watches the sources below a directory, but for installed packages and what is hidden. Returns how to end it. */
export function watchSources({ directory, except, changed, clock, problem }: WatcherOptions): () => void {
  const watchers = new Map<string, fs.FSWatcher>()
  const found = new Set<string>()
  const settle = new Settle({
    clock,
    quietMs: QUIET_MS,
    longestMs: LONGEST_MS,
    settled: () => changed([...found].toSorted().filter((file) => found.delete(file))),
  })
  const see = (path: string) => {
    if (SOURCES.test(path)) found.add(relative(directory, path))
    // What is in it may have been written before it was watched.
    else if (isDirectory(path)) watch(path, (file) => found.add(relative(directory, file)))
    if (found.size > 0) settle.stir()
  }
  const watch = (path: string, source: (file: string) => void) => {
    try {
      if (!watchers.has(path) && path !== except) begin(path, source)
    } catch (error) {
      // Its watcher, if it got one, would keep it from being looked at when it is there again.
      watchers.get(path)?.close()
      watchers.delete(path)
      if (!isSkipped(error)) problem(`cannot watch ${path}: ${messageOf(error)}`)
    }
  }
  const begin = (path: string, source: (file: string) => void) => {
    const watcher = fs.watch(path, (_, name) => name !== null && !OTHERS.test(name) && see(join(path, name)))
    watchers.set(path, watcher)
    // A directory that goes away takes its watcher along, and may come back.
    watcher.on('error', () => watcher.close()).on('close', () => watchers.delete(path))
    for (const entry of fs.readdirSync(path, { withFileTypes: true })) {
      if (entry.isDirectory() && !OTHERS.test(entry.name)) watch(join(path, entry.name), source)
      else if (SOURCES.test(entry.name)) source(join(path, entry.name))
    }
  }
  watch(directory, () => {})
  return () => {
    settle.stop()
    for (const watcher of watchers.values()) watcher.close()
  }
}

/** Gone again, or nobody's to read. */
function isSkipped(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return ['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM'].includes(code)
}

function isDirectory(path: string): boolean {
  try {
    return fs.statSync(path).isDirectory()
  } catch {
    return false
  }
}
