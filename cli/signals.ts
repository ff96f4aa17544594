import type { Clock, Instant } from '../shared/clock.ts'

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** As a shell reports a process that SIGINT has ended. */
export const EXIT_INTERRUPTED = 130

/** In a terminal, `npm start` gets Ctrl-C too and passes it on, so that one key press arrives twice. */
const SAME_PRESS_MS = 500

/** The first signal asks to drain, a second one to stop at once. */
export class Signals {
  readonly first: Promise<void>
  readonly second: Promise<void>
  readonly #clock: Clock
  readonly #listener = (signal: NodeJS.Signals) => this.#press(signal === 'SIGINT' ? 'KeyboardInterrupt' : signal)
  #resolveFirst: () => void = () => {}
  #resolveSecond: () => void = () => {}
  #since: Instant | undefined
  #reason: string | undefined

  constructor(clock: Clock) {
    this.#clock = clock
    this.first = new Promise((resolve) => {
      this.#resolveFirst = resolve
    })
    this.second = new Promise((resolve) => {
      this.#resolveSecond = resolve
    })
    for (const signal of SIGNALS) process.on(signal, this.#listener)
  }

  /** Why to stop, once something has been raised. */
  get reason(): string | undefined {
    return this.#reason
  }

  /** Asks to drain; however often, it never stops at once, which only a person may want. */
  raise(reason: string): void {
    if (this.#since !== undefined) return
    this.#since = this.#clock.now()
    this.#reason = reason
    this.#resolveFirst()
  }

  #press(reason: string): void {
    if (this.#since !== undefined && this.#clock.now() - this.#since > SAME_PRESS_MS) this.#resolveSecond()
    this.raise(reason)
  }

  /** There is nothing left to stop; who presses once more gets the exit code that is known by then, not that of a signal. */
  close(): void {
    for (const signal of SIGNALS) process.off(signal, this.#listener).on(signal, () => process.exit())
  }
}
