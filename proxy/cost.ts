import type { Instant } from '../shared/clock.ts'

/**
 * The cost that two choices compare: (ongoing + 1) × latency, after Finagle's peak EWMA. Ongoing requests alone leave
 * some 6 % of the traffic on a replica that is twenty times slower than three others, which is all of the p99. The
 * latency rises to a slower sample at once and falls to faster ones over DECAY_MS.
 *
 * What is known grows old: without samples the estimate returns to what is typical of the deployment, not to 0, which
 * would send a flood to a replica of which nothing is known; so does that of a new replica, which begins there.
 */
export interface Latency {
  ms: number
  /** Of the last sample; -Infinity: there was none. */
  at: Instant
}

/** Three to six times this is how long a replica is avoided that was slow. */
export const DECAY_MS = 1000

/** However slow a replica was, it is tried again within ln(10 × MAX_RATIO) × DECAY_MS. */
const MAX_RATIO = 32

/** Differences below are those of the proxy's own event loop. */
export const MIN_MS = 1

export function unknownLatency(): Latency {
  return { ms: MIN_MS, at: Number.NEGATIVE_INFINITY }
}

export function estimateMs({ ms, at }: Latency, typicalMs: number, now: Instant): number {
  return relax(ms, typicalMs, freshness(at, now))
}

/** A sample of one replica. */
export function learnPeak(latency: Latency, typicalMs: number, sampleMs: number, now: Instant): void {
  const fresh = freshness(latency.at, now)
  const beforeMs = relax(latency.ms, typicalMs, fresh)
  latency.ms = sampleMs >= beforeMs ? sampleMs : sampleMs + (beforeMs - sampleMs) * fresh
  latency.at = now
}

/** A sample of any replica, for what is typical. */
export function learnMean(latency: Latency, sampleMs: number, now: Instant): void {
  latency.ms = sampleMs + (latency.ms - sampleMs) * freshness(latency.at, now)
  latency.at = now
}

function relax(ms: number, typicalMs: number, fresh: number): number {
  return typicalMs + (Math.min(ms, MAX_RATIO * typicalMs) - typicalMs) * fresh
}

function freshness(at: Instant, now: Instant): number {
  return Math.exp((at - now) / DECAY_MS)
}
