import fs from 'node:fs'
import type { Clock } from '../shared/clock.ts'
import { Output, type Print } from './output-reader.ts'
import { outputSource } from './prefix.ts'

export interface FollowerOptions {
  /** Holds one `<prefix>-<pid>.out` a process, and its predecessor as `….out.1`; need not exist yet. */
  readonly directory: string
  /** Called with each line once, in the order of its process. */
  readonly print: Print
  readonly clock: Clock
}

export interface Follower {
  /** Reads all there is, lines without an end too. */
  drain(): void
  close(): void
}

/** Several changes shortly after each other are one look. */
const LOOK_DELAY_MS = 5
/** What no notice came of is seen after so long. */
const POLL_MS = 500

/** Prints what the processes write to their output files, from the beginning of each, as it comes. */
export function followOutput(options: FollowerOptions): Follower {
  return new DirectoryFollower(options)
}

class DirectoryFollower implements Follower {
  readonly #options: FollowerOptions
  readonly #outputs = new Map<string, Output>()
  /** Names of files that may have grown; in the order in which they did. */
  readonly #changed = new Set<string>()
  #watcher: fs.FSWatcher | undefined
  #cancelLook: (() => void) | undefined
  #cancelPoll: (() => void) | undefined

  constructor(options: FollowerOptions) {
    this.#options = options
    this.#poll()
  }

  drain(): void {
    for (const name of this.#names()) this.#output(name)
    for (const output of this.#outputs.values()) output.readAll()
  }

  close(): void {
    this.#watcher?.close()
    this.#cancelLook?.()
    this.#cancelPoll?.()
    for (const output of this.#outputs.values()) output.close()
    this.#outputs.clear()
  }

  #poll(): void {
    this.#watch()
    for (const name of this.#names()) {
      if (this.#output(name)?.isOver === false) this.#changed.add(name)
    }
    this.#look()
    for (const output of this.#outputs.values()) output.endIfDead()
    this.#cancelPoll = this.#options.clock.after(POLL_MS, () => this.#poll())
  }

  #watch(): void {
    try {
      this.#watcher ??= fs
        .watch(this.#options.directory, (_, name) => this.#noticed(name))
        // The poll watches anew, and until then sees the rest.
        .on('error', () => this.#unwatch())
    } catch {
      // Not there yet, or too many watches on this machine: the poll tries again and finds all by itself.
    }
  }

  #unwatch(): void {
    this.#watcher?.close()
    this.#watcher = undefined
  }

  #noticed(name: string | null): void {
    if (name === null || this.#output(name) === undefined) return
    this.#changed.add(name)
    this.#cancelLook ??= this.#options.clock.after(LOOK_DELAY_MS, () => this.#look())
  }

  #look(): void {
    this.#cancelLook?.()
    this.#cancelLook = undefined
    for (const name of this.#changed) {
      if (!this.#output(name)?.read()) this.#changed.delete(name)
    }
    if (this.#changed.size > 0) this.#cancelLook = this.#options.clock.after(0, () => this.#look())
  }

  #names(): string[] {
    try {
      return fs.readdirSync(this.#options.directory)
    } catch {
      return []
    }
  }

  /** undefined for a name that is no output's. */
  #output(name: string): Output | undefined {
    const known = this.#outputs.get(name)
    if (known !== undefined) return known
    const source = outputSource(name)
    if (source === undefined) return undefined
    const output = new Output(`${this.#options.directory}/${name}`, source, this.#options.print)
    this.#outputs.set(name, output)
    return output
  }
}
