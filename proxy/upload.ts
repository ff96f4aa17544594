import type { Readable } from 'node:stream'
import type { Framing } from './headers.ts'

/** Of a body, as much is kept to be sent again. */
const KEPT_BYTES = 1024 * 1024

/** What keeping a chunk costs besides its bytes: a client may send a million chunks of one byte. */
const CHUNK_BYTES = 256

/** Node reads no more of a connection at a time. */
const CHUNK_READ_BYTES = 64 * 1024

/** An `IncomingMessage`, which knows whether all of it has arrived. */
type Request = Readable & { readonly complete?: boolean }

/** Where the parts of a body go that is still arriving. */
export interface Sink {
  /** @returns whether more may come at once; otherwise `resume` is called */
  push(chunk: Buffer): boolean
  end(): void
}

/** The body of a client's request on its way to a replica, and a copy of its beginning in case it must go to another. */
export class Upload {
  readonly #request: Request
  readonly framing: Framing
  readonly #chunks: Buffer[] = []
  #count = 0
  #bytes = 0
  #state: 'new' | 'kept' | 'lost'
  #hasEnded: boolean
  #sink: Sink | undefined

  constructor(request: Request, framing: Framing) {
    this.#request = request
    this.framing = framing
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
   * The body from its first byte: null where there is none, in one piece if all of it is here, otherwise to be had from
   * `flow`. Where it went before it goes no more.
   */
  open(): Buffer | null | 'stream' {
    this.#sink = undefined
    if (this.framing === 'none') return null
    if (this.#state === 'new') this.#takeWhole()
    if (!this.#hasEnded) return 'stream'
    const [first] = this.#chunks
    return this.#chunks.length === 1 && first !== undefined ? first : Buffer.concat(this.#chunks)
  }

  /** What is kept already, and then what comes. */
  flow(sink: Sink): void {
    this.#sink = sink
    for (const chunk of this.#chunks) sink.push(chunk)
    if (this.#state === 'new') this.#listen()
    this.#request.resume()
  }

  /** Whoever takes it has room again. */
  resume(): void {
    this.#request.resume()
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
    if (this.framing === 'none') return
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
    if (Buffer.isBuffer(chunk)) this.#keep(chunk)
  }

  #listen(): void {
    this.#state = 'kept'
    this.#request.on('data', (chunk: Buffer) => {
      this.#keep(chunk)
      // Without anybody who takes it, it is read ahead, or thrown away.
      const isTaken = this.#sink?.push(chunk) ?? this.#state === 'lost'
      if (!isTaken && !this.#hasRoom) this.#request.pause()
    })
    this.#request.on('end', () => {
      this.#hasEnded = true
      this.#sink?.end()
    })
    // The client is gone; who waits for the answer learns it from the connection.
    this.#request.on('error', () => {})
  }

  /**
   * What may be kept is read though nobody takes it: that the client leaves is seen only on a connection that is read.
   * Not if one chunk more might be too much.
   */
  get #hasRoom(): boolean {
    return this.#state === 'kept' && this.#cost + CHUNK_READ_BYTES + CHUNK_BYTES <= KEPT_BYTES
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
