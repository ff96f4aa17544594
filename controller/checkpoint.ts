import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { messageOf, ServeError } from '../shared/errors.ts'
import { acceptState } from './messages.ts'
import type { DesiredState } from './target.ts'

/** Raised whenever a checkpoint changes its meaning. */
const FORMAT = 5

/** What a controller finds of the one before it. */
export type Found =
  /** That one left by itself, or there was none. */
  | { readonly state: 'none' }
  | { readonly state: 'intact'; readonly wanted: Wanted }
  /** There was one, but what should run is not known any more. */
  | { readonly state: 'damaged'; readonly problem: string }

/** undefined: not known, until somebody says it. Not the same as nothing, for which every replica would be drained. */
export type Wanted = DesiredState | undefined

/** What should run, on disk: it outlives the controller. */
export class Checkpoint {
  readonly #path: string
  readonly #version: string

  constructor({ path, version }: { path: string; version: string }) {
    this.#path = path
    this.#version = version
  }

  /**
   * A damaged one is set aside, to be looked at: a controller that read it again would die again. One that cannot be
   * read, for want of descriptors say, may be whole: it throws, and the next controller tries again.
   */
  load(): Found {
    const text = this.#read()
    if (text === undefined) return { state: 'none' }
    try {
      return { state: 'intact', wanted: this.#parse(text) }
    } catch (error) {
      const aside = `${this.#path}.damaged`
      renameSync(this.#path, aside)
      return { state: 'damaged', problem: `${messageOf(error)}; it was set aside as ${aside}` }
    }
  }

  /**
   * Returns when it is on the disk, whole; a crash at any moment leaves the one before or this one.
   * @throws ServeError `checkpoint_failed`
   */
  save(wanted: Wanted): void {
    const temporary = `${this.#path}.new`
    try {
      const text = JSON.stringify({ format: FORMAT, version: this.#version, wanted: wanted ?? null })
      writeFileSync(temporary, text, { mode: 0o600, flush: true })
      renameSync(temporary, this.#path)
      flushDirectory(dirname(this.#path))
    } catch (error) {
      throw new ServeError(
        'checkpoint_failed',
        `cannot write down what shall run, so nothing was changed: ${messageOf(error)}; make room in ${dirname(this.#path)}`,
      )
    }
  }

  /** The controller leaves by itself, and its replicas have left. */
  remove(): void {
    rmSync(this.#path, { force: true })
  }

  #read(): string | undefined {
    try {
      return readFileSync(this.#path, 'utf8')
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
      throw error
    }
  }

  #parse(text: string): Wanted {
    const { format, version, wanted } = Object(JSON.parse(text))
    if (format === FORMAT) return wanted === null ? undefined : acceptState(wanted)
    throw new Error(`it has format ${String(format)}, written by batoid ${String(version)}; this one reads ${FORMAT}`)
  }
}

/** A renamed file is there after a crash only if its directory is on the disk as well. */
function flushDirectory(directory: string): void {
  const fd = openSync(directory, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
