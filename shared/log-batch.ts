import type { Clock, Instant } from './clock.ts'
import { messageOf } from './errors.ts'
import type { Lines } from './log-format.ts'

/** Where bytes go. `write` takes the start of a batch and says how many bytes; it throws what the system answered. */
export interface Target {
  write(batch: Uint8Array): number
  close(): void
}

/** When a line goes out: at once; at once unless there are many; in a batch. */
export type Urgency = 'now' | 'soon' | 'whenever'

const MAX_DELAY_MS = 50
const MAX_BATCH_LENGTH = 64 * 1024
/** So many lines in `MAX_DELAY_MS` go out at once: what was printed just before a handler blocks the process is there. */
const PROMPT_LINES = 16
const MAX_STUCK_BYTES = 1024 * 1024
const LAST_WAIT_MS = 5
const MAX_LAST_WAITS = 200
const NEWLINE = 10
const NOTHING = new Uint8Array()

/** The lines on their way to one target. A target that fails costs lines, which are counted, and nothing else. */
export class Sink {
  readonly #target: Target
  readonly #lossLine: (message: string) => string
  #pending = ''
  /** What a full pipe has not taken yet. */
  #stuck: Uint8Array = NOTHING
  #lost = 0
  #lostWhy = ''
  /** The last thing that went out was part of a line. */
  #torn = false
  #ended = false

  constructor(target: Target, lossLine: (message: string) => string) {
    this.#target = target
    this.#lossLine = lossLine
  }

  /** What a flush would write; nothing while a full pipe has to be waited for. */
  get pendingLength(): number {
    return this.isStuck ? 0 : this.#pending.length
  }

  get isStuck(): boolean {
    return this.#stuck.length > 0
  }

  add(lines: string): void {
    if (this.#ended) return
    if (this.isStuck && this.#stuck.length + this.#pending.length > MAX_STUCK_BYTES) {
      this.#lose(Buffer.from(lines), 'nobody reads them')
    } else {
      this.#pending += lines
    }
  }

  flush(): void {
    if (this.isStuck) this.#put(this.#stuck)
    if (this.#lost > 0 && !this.isStuck) this.#tellLoss()
    if (this.isStuck || this.#pending === '') return
    const batch = Buffer.from(this.#pending)
    this.#pending = ''
    this.#put(batch)
  }

  close(): void {
    this.#target.close()
  }

  #tellLoss(): void {
    const lost = this.#lost
    this.#put(Buffer.from(this.#lossLine(`${lost} log lines were lost: ${this.#lostWhy}`)))
    // A notice that got lost is no loss, and is to be repeated.
    this.#lost = this.#lost > lost ? lost : 0
  }

  #put(batch: Uint8Array): void {
    if (this.#ended || batch.length === 0) return
    let written = 0
    this.#stuck = NOTHING
    try {
      if (this.#torn) this.#target.write(Uint8Array.of(NEWLINE))
      this.#torn = false
      while (written < batch.length) written += this.#target.write(batch.subarray(written))
    } catch (error) {
      this.#failed(error, batch, written)
    }
  }

  #failed(error: unknown, batch: Uint8Array, written: number): void {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    const rest = batch.subarray(written)
    if (code === 'EAGAIN') {
      this.#stuck = rest
    } else if (code === 'EPIPE' || code === 'EBADF') {
      this.#ended = true
    } else {
      this.#torn ||= written > 0 && batch[written - 1] !== NEWLINE
      this.#lose(rest, messageOf(error))
    }
  }

  #lose(lines: Uint8Array, why: string): void {
    for (let at = lines.indexOf(NEWLINE); at >= 0; at = lines.indexOf(NEWLINE, at + 1)) this.#lost += 1
    this.#lostWhy = why
  }
}

/**
 * Writes lines in batches, at most `MAX_DELAY_MS` late, synchronously: nothing is under way when the process exits.
 * After `end` each line goes out at once.
 */
export class Batch {
  #file: Sink | undefined
  readonly #output: Sink | undefined
  readonly #clock: Clock
  #cancel: (() => void) | undefined
  #promptSince: Instant = Number.NEGATIVE_INFINITY
  #promptLines = 0
  #ended = false

  constructor(sinks: { file: Sink | undefined; output: Sink | undefined }, clock: Clock) {
    this.#file = sinks.file
    this.#output = sinks.output
    this.#clock = clock
  }

  add({ file, output }: Lines, urgency: Urgency): void {
    this.#file?.add(file)
    this.#output?.add(output)
    const isDue = urgency === 'now' || (urgency === 'soon' && this.#isPrompt())
    if (isDue || this.#ended || this.#length() >= MAX_BATCH_LENGTH) this.flush()
    else this.#arm()
  }

  /** What is added from now on goes to another file. */
  redirect(file: Sink | undefined): void {
    this.#file?.flush()
    this.#file?.close()
    this.#file = file
  }

  flush(): void {
    this.#cancel?.()
    this.#cancel = undefined
    this.#file?.flush()
    this.#output?.flush()
    if (this.#output?.isStuck && !this.#ended) this.#arm()
  }

  /** The last moment before the process is gone: the reader of a full pipe gets some time. */
  end(): void {
    this.#ended = true
    this.flush()
    const cell = new Int32Array(new SharedArrayBuffer(4))
    for (let waits = 0; this.#output?.isStuck && waits < MAX_LAST_WAITS; waits += 1) {
      Atomics.wait(cell, 0, 0, LAST_WAIT_MS)
      this.flush()
    }
  }

  close(): void {
    this.end()
    this.#file?.close()
    this.#output?.close()
  }

  #length(): number {
    return Math.max(this.#file?.pendingLength ?? 0, this.#output?.pendingLength ?? 0)
  }

  #arm(): void {
    this.#cancel ??= this.#clock.after(MAX_DELAY_MS, () => this.flush())
  }

  #isPrompt(): boolean {
    const now = this.#clock.now()
    if (now - this.#promptSince >= MAX_DELAY_MS) {
      this.#promptSince = now
      this.#promptLines = 0
    }
    this.#promptLines += 1
    return this.#promptLines <= PROMPT_LINES
  }
}
