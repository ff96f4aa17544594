import type { Clock, Instant } from '../shared/clock.ts'

export interface SettleOptions {
  readonly clock: Clock
  /** So long nothing may stir. */
  readonly quietMs: number
  /** So long after the first stir it counts as settled, whatever stirs. */
  readonly longestMs: number
  readonly settled: () => void
}

/** Waits until nothing stirs any more, but not without end. */
export class Settle {
  readonly #options: SettleOptions
  #first: Instant | undefined
  #cancel: (() => void) | undefined

  constructor(options: SettleOptions) {
    this.#options = options
  }

  stir(): void {
    const { clock, quietMs, longestMs, settled } = this.#options
    this.#first ??= clock.now()
    this.#cancel?.()
    const leftMs = this.#first + longestMs - clock.now()
    this.#cancel = clock.after(Math.max(0, Math.min(quietMs, leftMs)), () => {
      this.#first = undefined
      settled()
    })
  }

  stop(): void {
    this.#cancel?.()
  }
}
