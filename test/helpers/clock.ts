import type { Clock } from '../../shared/clock.ts'

/** A clock that goes only when it is told to, and then lets everything happen that was due, in order. */
export class ManualClock implements Clock {
  time = 0
  #tasks: { readonly due: number; readonly task: () => void }[] = []

  now(): number {
    return this.time
  }

  after(delayMs: number, task: () => void): () => void {
    const entry = { due: this.time + delayMs, task }
    this.#tasks.push(entry)
    return () => {
      this.#tasks = this.#tasks.filter((other) => other !== entry)
    }
  }

  /** How many tasks wait. */
  get waiting(): number {
    return this.#tasks.length
  }

  /** Promises that a task settles have settled before the next task runs. */
  async pass(ms: number): Promise<void> {
    const end = this.time + ms
    for (;;) {
      await new Promise<void>((resolve) => setImmediate(resolve))
      const next = this.#tasks.toSorted((a, b) => a.due - b.due).find(({ due }) => due <= end)
      if (next === undefined) break
      this.#tasks = this.#tasks.filter((entry) => entry !== next)
      this.time = Math.max(this.time, next.due)
      next.task()
    }
    this.time = end
  }
}
