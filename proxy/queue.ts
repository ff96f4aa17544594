/**
 * The client, as far as waiting for something on its behalf goes. An AbortSignal with room for one listener: making a
 * real one costs 7 µs a request on Node 20 (measured), as much as the rest of the proxy's own work.
 */
export interface Caller {
  /** It has left, or its time is up. */
  readonly gone: boolean
  /** What made it go is that its replica took longer than any may. */
  readonly isLate?: boolean
  /** Called once, when it has gone. Whoever waits sets it, and clears it when the waiting is over. */
  onGone: (() => void) | undefined
}

/** Where a request stands among all of its deployment, for as long as it may need one replica after the other. */
export interface Turn {
  readonly order: number
  /** It has passed the limit of the queue once, or needed not to wait, and is not turned away for a long queue any more. */
  isAdmitted: boolean
}

interface Waiter<T> {
  readonly turn: Turn
  settle(end: T): void
}

/** The requests of a deployment that wait for a replica, in order of arrival. */
export class Queue<T> {
  readonly #waiting: Waiter<T>[] = []
  readonly #gone: T
  readonly #left: () => void

  /**
   * @param gone how the waiting of a caller ends that has gone.
   * @param left one has.
   */
  constructor(gone: T, left: () => void) {
    this.#gone = gone
    this.#left = left
  }

  get length(): number {
    return this.#waiting.length
  }

  get first(): Turn | undefined {
    return this.#waiting[0]?.turn
  }

  isFirst(turn: Turn): boolean {
    const { first } = this
    return first === undefined || turn.order < first.order
  }

  wait(turn: Turn, caller: Caller): Promise<T> {
    return new Promise((resolve) => {
      const settle = (end: T): void => {
        caller.onGone = undefined
        resolve(end)
      }
      const waiter = { turn, settle }
      const behind = this.#waiting.findLastIndex((other) => other.turn.order < turn.order)
      this.#waiting.splice(behind + 1, 0, waiter)
      caller.onGone = () => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1)
        settle(this.#gone)
        this.#left()
      }
    })
  }

  settleFirst(end: T): void {
    this.#waiting.shift()?.settle(end)
  }
}

/** Which of how many proxies, from 0 on. */
export interface ProxyShare {
  readonly index: number
  readonly count: number
}

/** A proxy's part of a limit that is meant for all of them together; negative: no limit. */
export function shareOfLimit(limit: number, { index, count }: ProxyShare): number {
  return limit < 0 ? limit : Math.floor(limit / count) + (index < limit % count ? 1 : 0)
}
