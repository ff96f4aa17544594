import { closeSync, fstatSync, openSync, readdirSync, readSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { logFileOf } from './log-entries.ts'

const CHUNK_BYTES = 64 * 1024
const NEWLINE = 0x0a

/** A file as it was found; by its inode, since one that is full gets another name. */
interface Part {
  readonly path: string
  readonly inode: number
  readonly age: number
}

/** What has been added to the log files of a directory, whole lines alone. */
export class LogFiles {
  readonly #directory: string
  /** How far each has been read. */
  #offsets = new Map<number, number>()

  constructor(directory: string) {
    this.#directory = directory
  }

  /** Of each process that is meant what it has written since the last time, to be read before the next time. */
  added(isMeant: (stem: string) => boolean): Iterable<string>[] {
    const processes = new Map<string, Part[]>()
    for (const file of readdirSync(this.#directory).toSorted()) {
      const found = logFileOf(file)
      if (found === undefined || !isMeant(found.stem)) continue
      const path = join(this.#directory, file)
      const stats = statSync(path, { throwIfNoEntry: false })
      if (stats?.isFile() !== true) continue
      const parts = processes.get(found.stem) ?? []
      processes.set(found.stem, [...parts, { path, inode: stats.ino, age: found.age }])
    }
    this.#forgetOthers([...processes.values()].flat())
    return [...processes.values()].map((parts) => this.#textsOf(parts.toSorted((a, b) => b.age - a.age)))
  }

  /** An inode that is free is the next file's. */
  #forgetOthers(parts: readonly Part[]): void {
    this.#offsets = new Map(parts.map(({ inode }) => [inode, this.#offsets.get(inode) ?? 0]))
  }

  *#textsOf(parts: readonly Part[]): Generator<string> {
    for (const part of parts) {
      const fd = open(part)
      if (fd === undefined) continue
      try {
        yield* this.#read(fd, part.inode)
      } finally {
        closeSync(fd)
      }
    }
  }

  *#read(fd: number, inode: number): Generator<string> {
    const { size } = fstatSync(fd)
    const known = this.#offsets.get(inode) ?? 0
    let offset = size < known ? 0 : known
    let rest: Buffer = Buffer.alloc(0)
    while (offset + rest.length < size) {
      const bytes = Buffer.concat([rest, chunkOf(fd, offset + rest.length)])
      if (bytes.length === rest.length) return
      const end = bytes.lastIndexOf(NEWLINE) + 1
      rest = bytes.subarray(end)
      offset += end
      this.#offsets.set(inode, offset)
      if (end > 0) yield bytes.toString('utf8', 0, end)
    }
  }
}

/** undefined: it has been deleted. It may have been renamed since it was found. */
function open({ path, inode, age }: Part): number | undefined {
  const base = age === 0 ? path : path.slice(0, -`.${age}`.length)
  for (let now = age, misses = 0; misses < 2; now += 1) {
    const fd = openIfThere(now === 0 ? base : `${base}.${now}`)
    if (fd === undefined) misses += 1
    else if (fstatSync(fd).ino === inode) return fd
    else closeSync(fd)
  }
  return undefined
}

function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, 'r')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

function chunkOf(fd: number, offset: number): Buffer {
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES)
  return chunk.subarray(0, readSync(fd, chunk, 0, CHUNK_BYTES, offset))
}
