import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { messageOf, ServeError } from '../shared/errors.ts'
import type { Deployed } from './applications.ts'
import { acceptApplications } from './messages.ts'

/** Raised whenever a checkpoint changes its meaning. */
const FORMAT = 2

/** What a controller finds of the one before it. */
export type Found =
  /** That one left by itself, or there was none. */
  | { readonly state: 'none' }
  | { readonly state: 'intact'; readonly applications: Wanted }
  /** There was one, but what should run is not known any more. */
  | { readonly state: 'damaged'; readonly problem: string }

/** undefined: not known, until somebody says it. Not the same as nothing, for which every replica would be drained. */
export type Wanted = readonly Deployed[] | undefined

/** What should run, on disk: it outlives the controller. */
export class Checkpoint {
  readonly #path: string
  readonly #version: string

  constructor({ path, version }: { path: string; version: string }) {
    this.#path = path
    this.#version = version
  }

  /** A damaged one is set aside, to be looked at: a controller that read it again would die again. */
  load(): Found {
    try {
      return { state: 'intact', applications: this.#parse(readFileSync(this.#path, 'utf8')) }
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return { state: 'none' }
      const aside = `${this.#path}.damaged`
      renameSync(this.#path, aside)
      return { state: 'damaged', problem: `${messageOf(error)}; it was set aside as ${aside}` }
    }
  }

  /**
   * Returns when it is on the disk, whole; a crash at any moment leaves the one before or this one.
   * @throws ServeError `checkpoint_failed`
   */
  save(applications: Wanted): void {
    const temporary = `${this.#path}.new`
    try {
      writeFileSync(
        temporary,
        JSON.stringify({ format: FORMAT, version: this.#version, applications: applications ?? null }),
        {
          mode: 0o600,
          flush: true,
        },
      )
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

  #parse(text: string): Wanted {
    const { format, version, applications } = Object(JSON.parse(text))
    if (format === FORMAT) return applications === null ? undefined : acceptApplications(applications)
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
