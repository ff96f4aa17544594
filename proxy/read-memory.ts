/** A few requests' worth of what a replica can write at once. */
const READ_BYTES = 256 * 1024

/** A read that brings so much, and more is to come, is a stream. */
const STREAM_BYTES = 32 * 1024

/** As many are kept for the next streams. */
const MAX_SPARES = 8

const newMemory = (): Buffer => Buffer.allocUnsafeSlow(READ_BYTES)

/**
 * What most reads of all connections go into, as each is dealt with before the next one: libuv and Node's streams would
 * allocate 64 KiB for each.
 */
const SHARED = newMemory()

const spares: Buffer[] = []

/**
 * Where the reads of one connection go. What is in the shared memory has to be copied to outlast the read; a stream reads
 * into memory of its own, again and again into the same while the client takes all of it at once. Copying each piece made
 * the garbage collector a fifth of the work of a stream.
 */
export class ReadMemory {
  #own: Buffer | undefined
  #isInUse = false

  get isShared(): boolean {
    return this.#own === undefined
  }

  get current(): Buffer {
    return this.#own ?? SHARED
  }

  /** Where the next read goes. */
  next(): Buffer {
    if (this.#isInUse) this.#own = spares.pop() ?? newMemory()
    this.#isInUse = false
    return this.current
  }

  /** Something read into memory of its own is waiting to be sent: nothing may be read over it. */
  keep(): void {
    this.#isInUse = true
  }

  /** So much has been read, and more is to come. */
  goesOn(bytes: number): void {
    if (bytes >= STREAM_BYTES) this.#own ??= spares.pop() ?? newMemory()
  }

  release(): void {
    if (this.#own !== undefined && !this.#isInUse && spares.length < MAX_SPARES) spares.push(this.#own)
    this.#own = undefined
    this.#isInUse = false
  }
}
