import type { LiveConfig } from '../shared/config/resolved.ts'
import type { Clock, Instant } from '../shared/clock.ts'
import { type ErrorReport, report, ServeError } from '../shared/errors.ts'
import type { Random } from '../shared/ids.ts'
import type { Health } from '../shared/protocol.ts'

const JITTER_RATIO = 0.1

type Timing = Pick<LiveConfig, 'healthCheckPeriodS' | 'healthCheckTimeoutS'>

export interface HealthChecksOptions {
  /** Rejects when the replica is not well. */
  readonly check: () => Promise<void>
  readonly timing: Timing
  readonly clock: Clock
  readonly random: Random
  /** The number of failures in a row is another than before. */
  readonly changed: (health: Health) => void
}

/**
 * Checks the health of the replica again and again, from one period after it was made until `stop`. A check that hangs
 * is never called beside itself: it is waited for again, and fails once more with every timeout.
 */
export class HealthChecks {
  readonly #options: HealthChecksOptions
  #timing: Timing
  #failures = 0
  #startedAt: Instant
  /** The call of user code that has not ended. */
  #call: Promise<ErrorReport | undefined> | undefined
  /** Waiting for the next check; undefined while one is waited for, and in the end. */
  #cancel: (() => void) | undefined
  #isStopped = false

  constructor(options: HealthChecksOptions) {
    this.#options = options
    this.#timing = options.timing
    this.#startedAt = options.clock.now()
    this.#schedule()
  }

  /** From the next check on, which may come earlier for it. */
  update(timing: Timing): void {
    this.#timing = timing
    if (this.#cancel === undefined) return
    this.#cancel()
    this.#schedule()
  }

  stop(): void {
    this.#isStopped = true
    this.#cancel?.()
    this.#cancel = undefined
  }

  #schedule(): void {
    const { clock, random } = this.#options
    const periodMs = this.#timing.healthCheckPeriodS * 1000 * (1 + JITTER_RATIO * (2 * random() - 1))
    const delayMs = Math.max(0, this.#startedAt + periodMs - clock.now())
    this.#cancel = clock.after(delayMs, () => void this.#check())
  }

  async #check(): Promise<void> {
    this.#cancel = undefined
    this.#startedAt = this.#options.clock.now()
    this.#call ??= this.#run()
    const error = await this.#within(this.#timing.healthCheckTimeoutS, this.#call)
    if (this.#isStopped) return
    this.#note(error)
    this.#schedule()
  }

  async #run(): Promise<ErrorReport | undefined> {
    try {
      await this.#options.check()
      return undefined
    } catch (error) {
      return report(error)
    } finally {
      this.#call = undefined
    }
  }

  #within(timeoutS: number, call: Promise<ErrorReport | undefined>): Promise<ErrorReport | undefined> {
    return new Promise((resolve) => {
      const text = `checkHealth() did not end within ${timeoutS} s (healthCheckTimeoutS of its deployment)`
      const tooLate = () => resolve(report(new ServeError('unhealthy', text)))
      const cancel = this.#options.clock.after(timeoutS * 1000, tooLate)
      void call.then((error) => {
        cancel()
        return resolve(error)
      })
    })
  }

  #note(error: ErrorReport | undefined): void {
    const before = this.#failures
    this.#failures = error === undefined ? 0 : before + 1
    if (this.#failures !== before) this.#options.changed({ failures: this.#failures, error })
  }
}
