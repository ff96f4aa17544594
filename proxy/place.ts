import type { Instant } from '../shared/clock.ts'
import type { RunningReplica } from '../shared/protocol.ts'
import { type Latency, unknownLatency } from './cost.ts'
import { Window } from './window.ts'

/**
 * What a pool knows of one replica: facts, from which everything else is derived when it is asked for. Two things keep
 * a replica from being chosen: it rests, because it could not be reached or is leaving, and then nothing is sent to it;
 * or it is ejected, because it answers errors where others do not, and then it is used only when nothing better is left.
 */
export interface Place {
  readonly replica: RunningReplica
  ongoing: number
  /** In the current table. One that has left it is remembered while requests are ongoing, should it come back. */
  listed: boolean
  readonly latency: Latency
  restUntil: Instant
  failuresInARow: number
  readonly answers: Window
  readonly errors: Window
  errorsInARow: number
  ejectedAt: Instant
  ejectedForMs: number
  /** When its admission last said that it is busy, and how many requests of ours it had then. */
  busyAt: Instant
  ongoingWhenBusy: number
}

/** A replica that cannot be reached is left alone this long, doubled with every further failure up to the maximum. */
const REST_MS = 25
const MAX_REST_MS = 1000

/** How long a replica is ejected, doubled if it happens again within the maximum after its return. */
const EJECTION_MS = 5000
const MAX_EJECTION_MS = 60_000

/** After an ejection the share of a replica grows from nothing to all of it. */
const SLOW_START_MS = 5000

/** Fewer errors in a row say nothing. */
const MIN_ERRORS = 5

/** Errors in a row that are less probable than this, were the replica as good as the best one, are its own fault. */
const MAX_CHANCE = 1e-9

/** After a refusal one more request is sent this soon, to stand at the replica's door, */
const BUSY_MS = 5

/** and while nothing is refused in twice the time that it may stand there, the number of those allowed doubles. */
const DOUBLING_MS = 100

/** By then more are allowed than any replica takes. */
const BUSY_FOR_MS = 30 * DOUBLING_MS

export function newPlace(replica: RunningReplica): Place {
  return {
    replica,
    ongoing: 0,
    listed: true,
    latency: unknownLatency(),
    restUntil: 0,
    failuresInARow: 0,
    answers: new Window(),
    errors: new Window(),
    errorsInARow: 0,
    ejectedAt: Number.NEGATIVE_INFINITY,
    ejectedForMs: 0,
    busyAt: Number.NEGATIVE_INFINITY,
    ongoingWhenBusy: 0,
  }
}

export function isResting({ restUntil }: Place, now: Instant): boolean {
  return now < restUntil
}

export function isEjected({ ejectedAt, ejectedForMs }: Place, now: Instant): boolean {
  return now < ejectedAt + ejectedForMs
}

/** The part of its fair share of requests that it is given, growing from 0 to 1 after an ejection. */
export function shareOf({ ejectedAt, ejectedForMs }: Place, now: Instant): number {
  const sinceReturnMs = now - ejectedAt - ejectedForMs
  return sinceReturnMs < 0 || sinceReturnMs > SLOW_START_MS ? 1 : sinceReturnMs / SLOW_START_MS
}

/**
 * How many requests of ours it may have. After a refusal no more than it had then, as other proxies have the rest; then
 * one more at a time, so that a busy replica refuses some twenty a second and not all that wait.
 */
export function allowance({ busyAt, ongoingWhenBusy }: Place, most: number, now: Instant): number {
  const sinceMs = now - busyAt
  // Nearly always, and a power is not for nothing.
  if (sinceMs > BUSY_FOR_MS) return most
  const more = sinceMs < BUSY_MS ? 0 : 2 ** Math.floor(sinceMs / DOUBLING_MS)
  return Math.min(most, ongoingWhenBusy + more)
}

/** When time alone may make it take a request that it does not take now; Infinity: never. */
export function opensAt(place: Place, most: number, now: Instant): Instant {
  if (place.ongoing >= most) return Number.POSITIVE_INFINITY
  if (isResting(place, now)) return place.restUntil
  if (place.ongoing >= allowance(place, most, now)) {
    const sinceMs = now - place.busyAt
    const steps = Math.floor(sinceMs / DOUBLING_MS) + 1
    return place.busyAt + (sinceMs < BUSY_MS ? BUSY_MS : steps * DOUBLING_MS)
  }
  return place.ejectedAt + place.ejectedForMs
}

/** It could not be reached. Requests that fail together are one failure. */
export function noteFailure(place: Place, now: Instant): void {
  if (isResting(place, now)) return
  place.restUntil = now + Math.min(REST_MS * 2 ** place.failuresInARow, MAX_REST_MS)
  place.failuresInARow += 1
}

/** It has said that it takes no request any more; the next table will say so too. */
export function noteDraining(place: Place, now: Instant): void {
  place.restUntil = now + MAX_REST_MS
}

export function noteBusy(place: Place, now: Instant): void {
  place.busyAt = now
  place.ongoingWhenBusy = place.ongoing
}

export function noteSuccess(place: Place, now: Instant): void {
  place.failuresInARow = 0
  place.errorsInARow = 0
  place.answers.add(now)
}

/** An answer that says 5xx, or none where one was due. */
export function noteError(place: Place, now: Instant): void {
  place.errorsInARow += 1
  place.answers.add(now)
  place.errors.add(now)
}

/**
 * Whether its errors are its own: so many in a row would happen by chance less than once in a thousand million
 * requests, did it err as often as the best of the others (Laplace's rule of succession, so that few answers prove
 * little). Where the best one errs in half of its answers too, it is the application that errs.
 */
export function isOutlier(place: Place, others: readonly Place[], now: Instant): boolean {
  if (place.errorsInARow < MIN_ERRORS || isEjected(place, now)) return false
  const chances = others.map((other) =>
    other === place ? 1 : (other.errors.sum(now) + 1) / (other.answers.sum(now) + 2),
  )
  const best = Math.min(1, ...chances)
  return best < 0.5 && best ** place.errorsInARow < MAX_CHANCE
}

export function eject(place: Place, now: Instant): void {
  const sinceReturnMs = now - place.ejectedAt - place.ejectedForMs
  const isAgain = sinceReturnMs < MAX_EJECTION_MS
  place.ejectedForMs = isAgain ? Math.min(2 * place.ejectedForMs, MAX_EJECTION_MS) : EJECTION_MS
  place.ejectedAt = now
}
