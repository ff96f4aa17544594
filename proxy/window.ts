import type { Instant } from '../shared/clock.ts'

const BUCKETS = 10
const BUCKET_MS = 1000

/** How often something happened in the last ten seconds, the current one included. */
export class Window {
  readonly #counts = new Uint32Array(BUCKETS)
  #bucket = 0

  add(now: Instant): void {
    const at = this.#advance(now) % BUCKETS
    this.#counts[at] = (this.#counts[at] ?? 0) + 1
  }

  sum(now: Instant): number {
    this.#advance(now)
    return this.#counts.reduce((sum, count) => sum + count, 0)
  }

  /** Empties the buckets between the last look and now. */
  #advance(now: Instant): number {
    const bucket = Math.floor(now / BUCKET_MS)
    if (bucket - this.#bucket >= BUCKETS) this.#counts.fill(0)
    else for (let passed = this.#bucket + 1; passed <= bucket; passed += 1) this.#counts[passed % BUCKETS] = 0
    this.#bucket = bucket
    return bucket
  }
}
