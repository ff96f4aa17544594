import { type AnswerHead, type Extent, parseHead, parseTrailers } from './answer-head.ts'
import type { HeaderList } from './headers.ts'

/** Who asked, and gets the answer part by part. */
export interface Receiver {
  /** Of the request. */
  readonly method: string
  /** An answer before the answer (1xx). */
  informed(head: AnswerHead): void
  begun(head: AnswerHead): void
  /** `data` is only lent. */
  body(data: Buffer): void
  ended(trailers: HeaderList): void
}

/** Of a head, or of the trailers; more is no answer that makes sense. */
const MAX_HEAD_BYTES = 64 * 1024

/** Of the line that begins a chunk, with its extensions, which are ignored. */
const MAX_LINE_BYTES = 4 * 1024

const CHUNK_SIZE = /^([\da-f]{1,13})[\t ]*(?:;[\t\x20-\x7e\x80-\xff]*)?$/i

/** What is read next. */
type Stage =
  | { readonly name: 'head' | 'chunk size' | 'chunk end' | 'trailers' | 'until closed' | 'complete' }
  /** So many bytes of the body, or of a chunk. */
  | { readonly name: 'length' | 'chunk'; left: number }

const HEAD: Stage = { name: 'head' }
const COMPLETE: Stage = { name: 'complete' }

/**
 * Reads one answer of a replica (HTTP/1.1, RFC 9112), however its bytes are cut, and believes nothing: what is not
 * exactly an answer is a fault, said in the text that is returned, and after one nothing more must be read.
 */
export class AnswerParser {
  readonly #receiver: Receiver
  #stage: Stage = HEAD
  /** The beginning of a line, or of a head, whose end has not come. */
  #text = ''
  #isKept = false

  constructor(receiver: Receiver) {
    this.#receiver = receiver
  }

  get isComplete(): boolean {
    return this.#stage === COMPLETE
  }

  /** Complete, and the connection may carry another. */
  get isReusable(): boolean {
    return this.#stage === COMPLETE && this.#isKept
  }

  /** @returns what is wrong */
  read(data: Buffer): string | undefined {
    let at = 0
    while (at < data.length) {
      const next = this.#step(data, at)
      if (typeof next === 'string') return next
      at = next
    }
    return undefined
  }

  /** The replica sends no more. @returns what is wrong with that */
  close(): string | undefined {
    if (this.#stage.name !== 'until closed') return this.isComplete ? undefined : 'the connection was closed'
    this.#end([])
    return undefined
  }

  /** @returns where to go on, or what is wrong */
  #step(data: Buffer, at: number): number | string {
    const stage = this.#stage
    switch (stage.name) {
      case 'head':
        return this.#readBlock(data, at, '\r\n\r\n', (text) => this.#head(text))
      case 'length':
      case 'chunk':
        return this.#readBytes(data, at, stage)
      case 'chunk size':
        return this.#readBlock(data, at, '\r\n', (text) => this.#chunk(text))
      case 'chunk end':
        return this.#readBlock(data, at, '\r\n', (text) => {
          this.#stage = { name: 'chunk size' }
          return text === '' ? undefined : 'a chunk is longer than it says'
        })
      case 'trailers':
        return this.#readTrailers(data, at)
      case 'until closed':
        this.#receiver.body(at === 0 ? data : data.subarray(at))
        return data.length
      case 'complete':
        return 'something follows the answer'
    }
  }

  /** A text up to its end mark, which may be cut between two reads. */
  #readBlock(data: Buffer, at: number, mark: string, take: (text: string) => string | undefined): number | string {
    const limit = mark === '\r\n' ? MAX_LINE_BYTES : MAX_HEAD_BYTES
    const before = this.#text
    if (before === '') {
      const end = data.indexOf(mark, at, 'latin1')
      if (end >= 0)
        return end - at > limit ? 'a head is too long' : (take(data.toString('latin1', at, end)) ?? end + mark.length)
    }
    const text = before + data.toString('latin1', at, Math.min(data.length, at + limit + 1))
    const end = text.indexOf(mark, Math.max(0, before.length - mark.length + 1))
    if (end < 0) {
      this.#text = text
      return text.length > limit ? 'a head is too long' : data.length
    }
    this.#text = ''
    return take(text.slice(0, end)) ?? at + end + mark.length - before.length
  }

  /** They end with an empty line, which is all there is of them nearly always. */
  #readTrailers(data: Buffer, at: number): number | string {
    const isEmpty = (this.#text + data.toString('latin1', at, at + 2)).startsWith('\r\n')
    return this.#readBlock(data, at, isEmpty ? '\r\n' : '\r\n\r\n', (text) => {
      const trailers = parseTrailers(text)
      if (trailers === undefined) return 'the trailers are none'
      this.#end(trailers)
      return undefined
    })
  }

  #readBytes(data: Buffer, at: number, stage: Extract<Stage, { left: number }>): number {
    const end = Math.min(data.length, at + stage.left)
    stage.left -= end - at
    this.#receiver.body(at === 0 && end === data.length ? data : data.subarray(at, end))
    if (stage.left > 0) return end
    if (stage.name === 'chunk') this.#stage = { name: 'chunk end' }
    else this.#end([])
    return end
  }

  #head(text: string): string | undefined {
    const head = parseHead(text)
    if (head === undefined) return 'the head of the answer is none'
    const { status } = head
    if (status === 100 || status === 101) return `answered ${status} unasked`
    if (status < 200) {
      this.#receiver.informed(head)
      return undefined
    }
    this.#isKept = head.isKept
    this.#receiver.begun(head)
    this.#stage = stageOf(bodyOf(head, this.#receiver.method))
    // No body: nothing is awaited that could end the answer.
    if (this.#stage.name === 'length' && this.#stage.left === 0) this.#end([])
    return undefined
  }

  #chunk(line: string): string | undefined {
    const [, size] = CHUNK_SIZE.exec(line) ?? []
    if (size === undefined) return 'a chunk has no size'
    const left = Number.parseInt(size, 16)
    this.#stage = left === 0 ? { name: 'trailers' } : { name: 'chunk', left }
    return undefined
  }

  #end(trailers: HeaderList): void {
    if (this.#stage.name === 'until closed') this.#isKept = false
    this.#stage = COMPLETE
    this.#receiver.ended(trailers)
  }
}

/** RFC 9112, 6.3. */
function bodyOf({ status, extent }: AnswerHead, method: string): Extent {
  return method === 'HEAD' || status === 204 || status === 304 ? 0 : extent
}

function stageOf(extent: Extent): Stage {
  if (extent === 'chunked') return { name: 'chunk size' }
  return extent === 'until closed' ? { name: 'until closed' } : { name: 'length', left: extent }
}
