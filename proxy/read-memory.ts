/** A few requests' worth of what a replica can write at once. */
const READ_BYTES = 256 * 1024

/** A read that brings so much, and more is to come, is a stream. */
const STREAM_BYTES = 32 * 1024

/** As many are kept for the next streams. */
const MAX_SPARES = 8

/** The memory into which all connections of a proxy read. */
export class MemoryPool {
  /**
   * What most reads go into, as each is dealt with before the next one: libuv and Node's streams would allocate 64 KiB
   * for each.
   */
  readonly shared = newMemory()
  readonly #spares: Buffer[] = []

  take(): Buffer {
    return this.#spares.pop() ?? newMemory()
  }

  giveBack(memory: Buffer): void {
    if (this.#spares.length < MAX_SPARES) this.#spares.push(memory)
  }
}

/**
 * Where the reads of one connection go. What is in the shared memory has to be copied to outlast the read; a stream reads
 * into memory of its own, again and again into the same while the client takes all of it at once. Copying each piece made
 * the garbage collector a fifth of the work of a stream.
 */
export class ReadMemory {
  readonly #pool: MemoryPool
  #own: Buffer | undefined
  #isInUse = false

  constructor(pool: MemoryPool) {
    this.#pool = pool
  }

  get isShared(): boolean {
    return this.#own === undefined
  }

  get current(): Buffer {
    return this.#own ?? this.#pool.shared
  }

  /** Where the next read goes. */
  next(): Buffer {
    if (this.#isInUse) this.#own = this.#pool.take()
    this.#isInUse = false
    return this.current
  }

  /** Something read into memory of its own is waiting to be sent: nothing may be read over it. */
  keep(): void {
    this.#isInUse = true
  }

  /** So much has been read, and more is to come. */
  goesOn(bytes: number): void {
    if (bytes >= STREAM_BYTES) this.#own ??= this.#pool.take()
  }

  release(): void {
    if (this.#own !== undefined && !this.#isInUse) this.#pool.giveBack(this.#own)
    this.#own = undefined
    this.#isInUse = false
  }
}

function newMemory(): Buffer {
  return Buffer.allocUnsafeSlow(READ_BYTES)
}
