import fs from 'node:fs'
import { StringDecoder } from 'node:string_decoder'
import { escapeControls } from '../shared/log-format.ts'
import type { Source } from './prefix.ts'

export type Print = (source: Source, line: string) => void

const READ_BYTES = 64 * 1024
/** No process has the terminal for itself for longer. */
const MAX_LOOK_BYTES = 4 * READ_BYTES
const MAX_LINE_LENGTH = 1024 * 1024

/**
 * The output of one process, through its renamings. Its first file stays open although the process has gone on to
 * another: what native code and Node's dying words write still goes there, even after the file has lost its name.
 */
export class Output {
  readonly #path: string
  readonly #source: Source
  readonly #print: Print
  /** The first and, after a renaming, the current one. */
  #files: OpenFile[] = []
  /** Where reading stopped when the process was gone. */
  #left: Place | undefined

  constructor(path: string, source: Source, print: Print) {
    this.#path = path
    this.#source = source
    this.#print = print
  }

  /** Its process is gone and all was read; but somebody who inherited the file may write on. */
  get isOver(): boolean {
    return this.#files.length === 0 && this.#left !== undefined
  }

  /** Reads on, and says whether there may be more. */
  read(): boolean {
    // Stops at the first that has more: what is in the next one was written later.
    return this.#files.some((file) => file.read()) || this.#advance()
  }

  readAll(): void {
    let hasMore = true
    while (hasMore) hasMore = this.read()
    // What the process left without an end of line.
    for (const file of this.#files) file.endLine()
  }

  endIfDead(): void {
    if (this.#files.length === 0 || isAlive(this.#source.pid)) return
    this.readAll()
    this.close()
  }

  close(): void {
    for (const file of this.#files) this.#left = file.close()
    this.#files = []
  }

  /** Goes on to the file that has the name now, and says whether that is another one than before. */
  #advance(): boolean {
    const current = this.#files.at(-1)
    const status = fs.statSync(this.#path, { throwIfNoEntry: false })
    if (status === undefined || status.ino === current?.inode) return false
    if (this.isOver && status.ino === this.#left?.inode && status.size === this.#left.offset) return false
    const next = this.#open()
    if (next === undefined) return false
    const [first, ...others] = this.#files
    for (const other of others) {
      // Complete only now that its process has been seen elsewhere.
      while (other.read()) {}
      other.endLine()
      other.close()
    }
    this.#files = first === undefined ? [next] : [first, next]
    this.#left = undefined
    return true
  }

  /** The next file in the order of writing: two renamings between two looks leave one behind that was never read. */
  #open(): OpenFile | undefined {
    const print = (line: string) => this.#print(this.#source, line)
    const named = OpenFile.open(this.#path, print, this.#left)
    if (named === undefined || this.isOver) return named
    const renamed = OpenFile.open(`${this.#path}.1`, print)
    if (renamed === undefined) return named
    const isKnown = [named, ...this.#files].some(({ inode }) => inode === renamed.inode)
    if (isKnown) renamed.close()
    else named.close()
    return isKnown ? named : renamed
  }
}

/** Where reading stopped. */
interface Place {
  readonly inode: number
  readonly offset: number
}

const buffer = Buffer.alloc(READ_BYTES)

class OpenFile {
  readonly inode: number
  readonly #fd: number
  readonly #print: (line: string) => void
  readonly #decoder = new StringDecoder()
  #offset: number
  /** The beginning of a line whose end has not been read. */
  #text = ''

  /** undefined if there is none that can be read. A file that was left before is read on from there. */
  static open(path: string, print: (line: string) => void, left?: Place): OpenFile | undefined {
    try {
      return new OpenFile(fs.openSync(path, 'r'), print, left)
    } catch {
      return undefined
    }
  }

  private constructor(fd: number, print: (line: string) => void, left: Place | undefined) {
    const { ino, size } = fs.fstatSync(fd)
    this.inode = ino
    this.#fd = fd
    this.#print = print
    this.#offset = ino === left?.inode && size >= left.offset ? left.offset : 0
  }

  /** Says whether there is more. */
  read(): boolean {
    for (let bytes = 0; bytes < MAX_LOOK_BYTES; ) {
      const count = this.#readSome()
      if (count === 0) return false
      bytes += count
    }
    return true
  }

  endLine(): void {
    this.#text += this.#decoder.end()
    if (this.#text !== '') this.#printText()
  }

  close(): Place {
    fs.closeSync(this.#fd)
    return { inode: this.inode, offset: this.#offset }
  }

  #readSome(): number {
    const count = this.#fill()
    if (count === 0) return 0
    this.#offset += count
    const lines = this.#decoder.write(buffer.subarray(0, count)).split('\n')
    lines[0] = this.#text + lines[0]
    this.#text = lines.pop() ?? ''
    for (const line of lines) this.#print(escapeControls(line))
    if (this.#text.length > MAX_LINE_LENGTH) this.#printText()
    return count
  }

  #printText(): void {
    this.#print(escapeControls(this.#text))
    this.#text = ''
  }

  #fill(): number {
    try {
      // Somebody made room on the disk: `> x.out`.
      if (fs.fstatSync(this.#fd).size < this.#offset) this.#offset = 0
      return fs.readSync(this.#fd, buffer, 0, buffer.length, this.#offset)
    } catch {
      // What cannot be read now may be at the next look; the cluster does not depend on being watched.
      return 0
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
