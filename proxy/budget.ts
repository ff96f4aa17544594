import type { Clock, Instant } from '../shared/clock.ts'
import { Window } from './window.ts'

/** Of the requests in the window, as many may be executed a second time; Envoy's and Finagle's default. */
const RETRY_RATIO = 0.2
const MIN_RETRIES = 3

/**
 * How many requests of one deployment may be sent to a replica although another one may have executed them: without a
 * bound, a deployment that breaks under load would get twice the load. Repeating what was certainly not executed is not
 * charged: it adds no work, and its rate is bounded by the time that a replica is left alone.
 */
export class RetryBudget {
  readonly #clock: Clock
  readonly #requests = new Window()
  readonly #retries = new Window()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  countRequest(now: Instant): void {
    this.#requests.add(now)
  }

  /** Whether one more is within the budget; if so, it is charged. */
  take(): boolean {
    const now = this.#clock.now()
    if (this.#retries.sum(now) + 1 > Math.max(MIN_RETRIES, RETRY_RATIO * this.#requests.sum(now))) return false
    this.#retries.add(now)
    return true
  }
}
