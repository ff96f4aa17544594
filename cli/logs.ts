import { closeSync, fstatSync, openSync, readdirSync, readSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../shared/clock.ts'
import { logDirectory, type Session } from '../shared/session.ts'
import { choose, type Choice, entriesOf, inOrder } from './log-entries.ts'

const LOOK_MS = 250
const CHUNK_BYTES = 256 * 1024

/** Prints what the log files of a session hold, in the order of its times; until `follow`, also what is added. */
export async function showLogs(
  session: Session,
  choice: Choice,
  { print, clock, follow }: { print: (text: string) => void; clock: Clock; follow: Promise<unknown> | undefined },
): Promise<void> {
  const files = new LogFiles(logDirectory(session))
  const look = () => {
    const entries = entriesOf(files.read((file) => choose(file, choice)))
    for (const { text } of inOrder(entries)) {
      if (choice.request === undefined || text.includes(choice.request)) print(text)
    }
  }
  look()
  if (follow === undefined) return
  const cancel = every(clock, look)
  await follow
  cancel()
  look()
}

function every(clock: Clock, look: () => void): () => void {
  const again = () => {
    look()
    cancel = clock.after(LOOK_MS, again)
  }
  let cancel = clock.after(LOOK_MS, again)
  return () => cancel()
}

/** How far a file has been read; by its inode, since a file that is full gets another name. */
interface Place {
  offset: number
  /** The beginning of a line that has no end yet. */
  rest: Buffer
}

class LogFiles {
  readonly #directory: string
  readonly #places = new Map<number, Place>()

  constructor(directory: string) {
    this.#directory = directory
  }

  /** The whole lines that have been added since. */
  read(isMeant: (file: string) => boolean): string {
    const files = readdirSync(this.#directory).filter(isMeant)
    // The older part of a file has the greater number.
    return files
      .toSorted((a, b) => (a < b ? 1 : -1))
      .map((file) => this.#read(join(this.#directory, file)))
      .join('')
  }

  #read(path: string): string {
    const fd = openSync(path, 'r')
    try {
      const { ino } = fstatSync(fd)
      const place = this.#places.get(ino) ?? { offset: 0, rest: Buffer.alloc(0) }
      this.#places.set(ino, place)
      return readOn(fd, place)
    } finally {
      closeSync(fd)
    }
  }
}

function readOn(fd: number, place: Place): string {
  const parts = [place.rest]
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES)
  for (let count = -1; count !== 0; ) {
    count = readSync(fd, chunk, 0, CHUNK_BYTES, place.offset)
    place.offset += count
    parts.push(Buffer.from(chunk.subarray(0, count)))
  }
  const bytes = Buffer.concat(parts)
  const end = bytes.lastIndexOf(0x0a) + 1
  place.rest = bytes.subarray(end)
  return bytes.toString('utf8', 0, end)
}
