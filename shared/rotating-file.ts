import fs from 'node:fs'

export interface RotatingFileOptions {
  readonly path: string
  /** A descriptor that stands at `path` already; it stays open. Without it `path` is opened for appending. */
  readonly fd?: number
  /** A line that would take the file beyond this begins a new one. */
  readonly maxBytes: number
  /** The file and its predecessors; at least 2. */
  readonly maxFiles: number
}

const NEWLINE = 10

/**
 * A file of lines that is renamed when it is full, like Python's RotatingFileHandler: `x.log`, `x.log.1`, … the oldest
 * last. Whatever goes wrong with the files shows as a throw of `write`, which may be tried again later; a file that was
 * deleted is begun anew. Opened for appending, so that several processes may write to it without harm.
 */
export class RotatingFile {
  readonly #options: RotatingFileOptions
  #fd: number | undefined

  constructor(options: RotatingFileOptions) {
    this.#options = options
    this.#fd = options.fd
  }

  /** Writes the start of `batch`, as much as the present file takes, and says how many bytes that was. */
  write(batch: Uint8Array): number {
    const size = this.#openedSize()
    const room = this.#options.maxBytes - size
    let end = batch.length
    if (end > room) {
      end = room > 0 ? batch.lastIndexOf(NEWLINE, room - 1) + 1 : 0
      if (end === 0 && size > 0 && this.#rotate()) return this.write(batch)
      // A line that is longer than a file, or a file that could not be renamed: too large a file is better than none.
      if (end === 0) end = batch.indexOf(NEWLINE) + 1 || batch.length
    }
    return fs.writeSync(this.#opened(), batch, 0, end)
  }

  close(): void {
    const fd = this.#fd
    this.#fd = undefined
    if (fd !== undefined && fd !== this.#options.fd) fs.closeSync(fd)
  }

  #opened(): number {
    this.#fd ??= fs.openSync(this.#options.path, 'a')
    return this.#fd
  }

  #openedSize(): number {
    const { nlink, size } = fs.fstatSync(this.#opened())
    if (nlink > 0) return size
    this.close()
    return fs.fstatSync(this.#opened()).size
  }

  #rotate(): boolean {
    const { path, maxFiles } = this.#options
    try {
      for (let age = maxFiles - 2; age > 0; age -= 1) {
        if (fs.existsSync(`${path}.${age}`)) fs.renameSync(`${path}.${age}`, `${path}.${age + 1}`)
      }
      fs.renameSync(path, `${path}.1`)
      const next = fs.openSync(path, 'a')
      this.close()
      this.#fd = next
      return true
    } catch {
      return false
    }
  }
}
