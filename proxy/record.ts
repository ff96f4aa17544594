import type { Instant } from '../shared/clock.ts'
import { estimateMs, type Latency, learnMean, learnPeak, MIN_MS } from './cost.ts'
import type { Outcome } from './outcome.ts'
import * as places from './place.ts'

/** The replicas of a deployment, among which one is judged. */
export interface Peers {
  readonly listed: readonly places.Place[]
  readonly typical: Latency
}

/** Writes down what the outcome of an attempt says of the replica. */
export function record(place: places.Place, outcome: Outcome, peers: Peers, now: Instant): void {
  switch (outcome.type) {
    case 'answered':
      recordLatency(place, outcome, peers, now)
      if (outcome.status >= 500) recordError(place, peers, now)
      else places.noteSuccess(place, now)
      break
    case 'refused':
      places.noteFailure(place, now)
      break
    case 'busy':
      places.noteBusy(place, now)
      break
    case 'draining':
      places.noteDraining(place, now)
      break
    case 'broken':
    case 'cut':
      places.noteFailure(place, now)
      recordError(place, peers, now)
      break
    case 'late':
      recordAtLeast(place, outcome.afterMs, peers, now)
      recordError(place, peers, now)
      break
    case 'aborted':
      recordAtLeast(place, outcome.afterMs ?? 0, peers, now)
      break
    case 'unsendable':
  }
}

/** An error may come sooner than any answer could: it tells at most that a replica is slow. */
function recordLatency(
  place: places.Place,
  outcome: Outcome & { type: 'answered' },
  { typical }: Peers,
  now: Instant,
): void {
  const sampleMs = Math.max(outcome.headMs, MIN_MS)
  const isAnswer = outcome.status < 500
  if (isAnswer) learnMean(typical, sampleMs, now)
  if (isAnswer || sampleMs > estimateMs(place.latency, typical.ms, now)) {
    learnPeak(place.latency, typical.ms, sampleMs, now)
  }
}

/** Who would not wait any longer says how long an answer takes at least. */
function recordAtLeast(place: places.Place, afterMs: number, { typical }: Peers, now: Instant): void {
  if (afterMs > estimateMs(place.latency, typical.ms, now)) learnPeak(place.latency, typical.ms, afterMs, now)
}

function recordError(place: places.Place, { listed }: Peers, now: Instant): void {
  places.noteError(place, now)
  if (place.listed && places.isOutlier(place, listed, now)) places.eject(place, now)
}
