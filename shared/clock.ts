/** Milliseconds on a monotonic clock; only differences mean anything. */
export type Instant = number

/** Time as the rest of the code sees it, so that a test can hold it still. */
export interface Clock {
  now(): Instant
  /** Runs `task` once, `delayMs` from now, unless the returned function is called first. */
  after(delayMs: number, task: () => void): () => void
}

export const systemClock: Clock = {
  now: () => performance.now(),
  after(delayMs, task) {
    const timer = setTimeout(task, delayMs)
    return () => clearTimeout(timer)
  },
}
