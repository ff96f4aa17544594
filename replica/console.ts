import { StringDecoder } from 'node:string_decoder'
import { callSiteIn } from '../shared/call-site.ts'
import type { Log } from '../shared/log.ts'
import { userFrames } from './user-stack.ts'

/** As much of process.stdout as is taken over. */
export interface Captured {
  write: NodeJS.WriteStream['write']
}

type Stream = 'stdout' | 'stderr'

/** So many requests may have begun a line each; the oldest of more is shown as it is. */
const MAX_PARTS = 64
const MAX_PART_LENGTH = 64 * 1024
const NEWLINE = 10

/**
 * Makes what user code prints through `targets`, stdout and stderr, log lines of the request that caused them: console
 * and libraries all end there. Never throws into user code. Returns what puts the streams back.
 */
export function captureConsole(
  targets: readonly [stdout: Captured, stderr: Captured],
  log: Log,
  currentRequestId: () => string | undefined,
): () => void {
  const [stdout, stderr] = targets
  const restores = [
    capture(stdout, new Lines(log, 'stdout'), currentRequestId),
    capture(stderr, new Lines(log, 'stderr'), currentRequestId),
  ]
  return () => {
    for (const restore of restores) restore()
  }
}

function capture(target: Captured, lines: Lines, currentRequestId: () => string | undefined): () => void {
  const original = target.write
  const end = () => attempt(() => lines.end())
  process.once('exit', end)
  target.write = (chunk: unknown, encoding?: unknown, done?: unknown): boolean => {
    attempt(() => lines.add(chunk, encoding, currentRequestId()))
    const callback = typeof encoding === 'function' ? encoding : done
    if (typeof callback === 'function') process.nextTick(callback)
    return true
  }
  return () => {
    target.write = original
    process.off('exit', end)
    end()
  }
}

function attempt(task: () => void): void {
  try {
    task()
  } catch {
    // A print that cannot be logged must not fail the request that it is about.
  }
}

/** A line that is not complete yet. */
interface Part {
  text: string
  /** Keeps the bytes of a character that is cut between two writes. */
  readonly decoder: StringDecoder
}

/** One stream: puts together the lines that come in parts, those of each request by itself. */
class Lines {
  readonly #log: Log
  readonly #stream: Stream
  /** By request id; the one that was longest without a write first. */
  readonly #parts = new Map<string | undefined, Part>()
  #ended = false

  constructor(log: Log, stream: Stream) {
    this.#log = log
    this.#stream = stream
  }

  add(chunk: unknown, encoding: unknown, requestId: string | undefined): void {
    const part = this.#parts.get(requestId)
    if (part === undefined && typeof chunk === 'string' && isUtf8(encoding) && chunk.endsWith('\n')) {
      return this.#print(chunk.slice(0, -1), requestId)
    }
    const { decoder, text: before } = part ?? { decoder: new StringDecoder(), text: '' }
    const bytes = bytesOf(chunk, encoding)
    const text = before + decoder.write(bytes)
    const end = text.lastIndexOf('\n')
    if (end >= 0) this.#print(text.slice(0, end), requestId)
    this.#parts.delete(requestId)
    if (bytes.at(-1) !== NEWLINE) this.#keep(requestId, { text: text.slice(end + 1), decoder })
  }

  /** From now on no part of a line is kept. */
  end(): void {
    this.#ended = true
    for (const requestId of this.#parts.keys()) this.#release(requestId)
  }

  #keep(requestId: string | undefined, part: Part): void {
    this.#parts.set(requestId, part)
    if (this.#ended || part.text.length > MAX_PART_LENGTH) this.#release(requestId)
    else if (this.#parts.size > MAX_PARTS) this.#release(this.#parts.keys().next().value)
  }

  #release(requestId: string | undefined): void {
    const part = this.#parts.get(requestId)
    this.#parts.delete(requestId)
    const text = part === undefined ? '' : part.text + part.decoder.end()
    if (text !== '') this.#print(text, requestId)
  }

  #print(text: string, requestId: string | undefined): void {
    this.#log.print(text, this.#stream, { requestId, site: whoPrints })
  }
}

function whoPrints() {
  const [frame] = userFrames(String(new Error('where').stack))
  return frame === undefined ? undefined : callSiteIn(frame)
}

function isUtf8(encoding: unknown): boolean {
  return typeof encoding !== 'string' || /^utf-?8$/i.test(encoding)
}

function bytesOf(chunk: unknown, encoding: unknown): Buffer {
  if (chunk instanceof Uint8Array) return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
  const named = typeof encoding === 'string' && Buffer.isEncoding(encoding) ? encoding : 'utf8'
  return Buffer.from(String(chunk), named)
}
