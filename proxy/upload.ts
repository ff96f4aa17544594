import { Readable } from 'node:stream'
import type { Framing } from './headers.ts'

/** Of a body, as much is kept to be sent again. */
const KEPT_BYTES = 1024 * 1024

/** What keeping a chunk costs besides its bytes: a client may send a million chunks of one byte. */
const CHUNK_BYTES = 256

/** Node reads no more of a connection at a time. */
const CHUNK_READ_BYTES = 64 * 1024

/** As much as a Unix socket takes from one write and gives to one read, with room for the head. */
const ONE_WRITE_BYTES = 16 * 1024

/** An `IncomingMessage`, which knows whether all of it has arrived. */
type Request = Readable & { readonly complete?: boolean }

/** The body of a client's request on its way to a replica, and a copy of its beginning in case it must go to another. */
export class Upload {
  readonly #request: Request
  readonly #framing: Framing
  readonly #chunks: Buffer[] = []
  #count = 0
  #bytes = 0
  #state: 'new' | 'kept' | 'lost'
  #hasEnded: boolean
  #isInOnePiece = false
  #sink: Readable | undefined

  constructor(request: Request, framing: Framing) {
    this.#request = request
    this.#framing = framing
    this.#state = framing === 'none' ? 'kept' : 'new'
    this.#hasEnded = framing === 'none'
  }

  /** The client has sent all of it. */
  get hasEnded(): boolean {
    return this.#hasEnded
  }

  /** Every byte so far has been kept, so the body can be sent once more. */
  get isWhole(): boolean {
    return this.#state !== 'lost'
  }

  /**
   * What has been read so far left the process in one system call: undici writes the head and the first chunk together.
   * The end of a chunked body may be a second one.
   */
  get isOneWrite(): boolean {
    if (this.#count === 0) return true
    return (this.#framing === 'length' || this.#isInOnePiece) && this.#count === 1 && this.#bytes <= ONE_WRITE_BYTES
  }

  /**
   * The body from its first byte: null where there is none, in one piece if all of it is here, otherwise as a
   * stream. One that was opened before gets nothing more.
   */
  open(): Buffer | Readable | null {
    this.#sink = undefined
    if (this.#framing === 'none') return null
    if (this.#state === 'new') this.#takeWhole()
    const [first] = this.#chunks
    if (this.#hasEnded) return this.#chunks.length === 1 && first !== undefined ? first : Buffer.concat(this.#chunks)
    const sink = new Readable({ read: () => void this.#request.resume() })
    this.#sink = sink
    for (const chunk of this.#chunks) sink.push(chunk)
    if (this.#state === 'new') this.#listen()
    return sink
  }

  /** Reads as much as may be kept. */
  readAhead(): void {
    if (this.#state !== 'new') return
    this.#takeWhole()
    if (this.#state === 'new') this.#listen()
  }

  /** It will not be sent again: what comes passes through, and nothing is kept. */
  commit(): void {
    this.#chunks.length = 0
    this.#state = 'lost'
  }

  /** Nobody wants the rest. It is read and thrown away, so that the client's connection can carry another request. */
  discard(): void {
    if (this.#framing === 'none') return
    this.commit()
    this.#sink = undefined
    this.#request.resume()
  }

  /** A small body arrives with its head: taken here, it needs neither a stream nor listeners. */
  #takeWhole(): void {
    if (this.#request.complete !== true) return
    const chunk: unknown = this.#request.read()
    this.#state = 'kept'
    this.#hasEnded = true
    this.#isInOnePiece = true
    if (Buffer.isBuffer(chunk)) this.#keep(chunk)
  }

  #listen(): void {
    this.#state = 'kept'
    this.#request.on('data', (chunk: Buffer) => {
      this.#keep(chunk)
      const isFull = this.#sink === undefined ? this.#isNearlyFull : !this.#sink.push(chunk)
      if (isFull) this.#request.pause()
    })
    this.#request.on('end', () => {
      this.#hasEnded = true
      this.#sink?.push(null)
    })
    // The client is gone; who waits for the answer learns it from the connection.
    this.#request.on('error', () => {})
  }

  /** One chunk more, and what is kept might be too much. */
  get #isNearlyFull(): boolean {
    return this.#state === 'kept' && this.#cost + CHUNK_READ_BYTES + CHUNK_BYTES > KEPT_BYTES
  }

  get #cost(): number {
    return this.#bytes + this.#count * CHUNK_BYTES
  }

  #keep(chunk: Buffer): void {
    this.#count += 1
    this.#bytes += chunk.length
    if (this.#state !== 'kept') return
    if (this.#cost > KEPT_BYTES) this.commit()
    else this.#chunks.push(chunk)
  }
}
