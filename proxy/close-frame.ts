/** The close code of a WebSocket that ended without a Close frame (RFC 6455, 7.1.5); never sent. */
export const ABNORMAL = 1006

/** The close code of a Close frame that has none; never sent. */
const NO_STATUS = 1005

const CLOSE = 0x8
const LONGEST_HEAD_BYTES = 14

/** A Close frame with nothing but a code; what a client sends has to be masked, and a mask of zeros changes nothing. */
export function closeFrame(code: number, from: 'client' | 'server'): Buffer {
  const mask = from === 'client' ? [0, 0, 0, 0] : []
  return Buffer.from([0x80 | CLOSE, (mask.length > 0 ? 0x80 : 0) | 2, ...mask, code >> 8, code & 0xff])
}

/**
 * Follows one direction of a WebSocket (RFC 6455, 5.2) from frame to frame, to learn where frames end and with which
 * code the peer closes. It keeps no payload; bytes that are no WebSocket make it wrong, and nothing else.
 */
export class FrameReader {
  readonly #closed: (code: number) => void
  readonly #head = new Uint8Array(LONGEST_HEAD_BYTES)
  #headBytes = 0
  #payloadLeft = 0
  /** Of the payload of a Close frame. */
  #code: number[] = []
  #state: 'head' | 'payload' | 'close' | 'over' = 'head'

  /** @param closed - Called once, with the code of the first Close frame. */
  constructor(closed: (code: number) => void) {
    this.#closed = closed
  }

  /** A frame may be put in here. After a Close frame none may follow. */
  get isBetweenFrames(): boolean {
    return this.#state === 'head' && this.#headBytes === 0
  }

  read(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length && this.#state !== 'over'; ) {
      if (this.#state === 'payload') at += this.#skip(chunk.length - at)
      else {
        this.#take(chunk[at] ?? 0)
        at += 1
      }
    }
  }

  #skip(available: number): number {
    const bytes = Math.min(available, this.#payloadLeft)
    this.#payloadLeft -= bytes
    if (this.#payloadLeft === 0) this.#state = 'head'
    return bytes
  }

  #take(byte: number): void {
    if (this.#state === 'close') {
      this.#code.push(byte)
      if (this.#code.length === 2) this.#close()
      return
    }
    this.#head[this.#headBytes] = byte
    this.#headBytes += 1
    if (this.#headBytes < 2 || this.#headBytes < headLength(this.#head)) return
    this.#headBytes = 0
    this.#payloadLeft = payloadLength(this.#head)
    if (((this.#head[0] ?? 0) & 0x0f) !== CLOSE) this.#state = this.#payloadLeft > 0 ? 'payload' : 'head'
    else if (this.#payloadLeft >= 2) this.#state = 'close'
    else this.#close()
  }

  #close(): void {
    this.#state = 'over'
    const [high, low] = this.#code
    if (high === undefined || low === undefined) return this.#closed(NO_STATUS)
    const isMasked = ((this.#head[1] ?? 0) & 0x80) !== 0
    const maskAt = headLength(this.#head) - 4
    const [first, second] = isMasked ? this.#head.subarray(maskAt) : []
    this.#closed(((high ^ (first ?? 0)) << 8) | (low ^ (second ?? 0)))
  }
}

function headLength(head: Uint8Array): number {
  const second = head[1] ?? 0
  const length = second & 0x7f
  return 2 + (length === 126 ? 2 : length === 127 ? 8 : 0) + ((second & 0x80) === 0 ? 0 : 4)
}

function payloadLength(head: Uint8Array): number {
  const view = new DataView(head.buffer, head.byteOffset)
  const length = view.getUint8(1) & 0x7f
  if (length < 126) return length
  return length === 126 ? view.getUint16(2) : Number(view.getBigUint64(2))
}
