/** Milliseconds on a monotonic clock; only differences mean anything. */
export type Instant = number

/** Time as the rest of the code sees it, so that a test can hold it still. */
export interface Clock {
  now(): Instant
  /** Runs `task` once, `delayMs` from now, unless the returned function is called first. */
  after(delayMs: number, task: () => void): () => void
}

/** Node fires a longer timer at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => performance.now(),
  after(delayMs, task) {
    const due = performance.now() + delayMs
    let timer: NodeJS.Timeout
    const wait = () => {
      const leftMs = due - performance.now()
      timer = setTimeout(leftMs > LONGEST_TIMER_MS ? wait : task, Math.max(0, Math.min(leftMs, LONGEST_TIMER_MS)))
    }
    wait()
    return () => clearTimeout(timer)
  },
}

export function pause(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => void clock.after(delayMs, resolve))
}
