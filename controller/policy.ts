import { STABLE_MS } from '../shared/backoff.ts'
import type { Instant } from '../shared/clock.ts'
import { UNHEALTHY_AFTER } from '../shared/health.ts'
import {
  type DesiredDeployment,
  type Failures,
  noFailures,
  type ObservedDeployment,
  type ObservedReplica,
  revisionOf,
  type Step,
} from './state.ts'

/** How long a replica that has said that it cannot start may take to leave. */
export const LEAVE_MS = 2_000

/** So long a replica of an update serves before the old ones make room for it, and others follow it. */
export const SOAK_MS = 1_000

/** A proxy tells of lost requests within this time of the end of the replica, or these ended for another reason. */
const NOTICED_WITHIN_MS = 5_000

/** Ray's limit: so many starts for each replica. */
const STARTS_PER_REPLICA = 3

export function maxStartFailures(maxConstructorRetryCount: number, targetReplicas: number): number {
  // Also of none: what has not been tried has not failed.
  return Math.max(1, Math.min(maxConstructorRetryCount, STARTS_PER_REPLICA * targetReplicas))
}

/** Whether nothing more is tried for what is wanted: too many replicas failed with it before any ran. */
export function isGivenUp(wanted: DesiredDeployment, seen: ObservedDeployment): boolean {
  return seen.ranRevision !== revisionOf(wanted) && failuresOf(wanted, seen).starts >= wanted.maxStartFailures
}

/** Ray's share of the replicas, rounded half up, but never none unless that is what is asked for. */
export function atCapacity(numReplicas: number, targetCapacity: number | null): number {
  if (targetCapacity === null) return numReplicas
  if (targetCapacity === 0 || numReplicas === 0) return 0
  return Math.max(1, Math.floor((numReplicas * targetCapacity) / 100 + 0.5))
}

export function failuresOf(
  revision: { readonly version: string; readonly config: string },
  seen: ObservedDeployment,
): Failures {
  return seen.failures.get(revisionOf(revision)) ?? noFailures
}

export function isUnhealthy({ health }: Pick<ObservedReplica, 'health'>): boolean {
  return health.failures >= UNHEALTHY_AFTER
}

/** It answers, and may be expected to go on with it. */
export function isServing(replica: ObservedReplica): boolean {
  return replica.phase.name === 'running' && replica.frozen === undefined && !isUnhealthy(replica)
}

/** How what is wanted differs from what was reached; undefined: not at all. */
export function stepTo(wanted: DesiredDeployment, { reached }: ObservedDeployment): Step | undefined {
  if (reached?.revision !== revisionOf(wanted)) return 'update'
  if (reached.targetReplicas !== wanted.targetReplicas) {
    return reached.targetReplicas < wanted.targetReplicas ? 'upscale' : 'downscale'
  }
  return reached.holds ? undefined : 'repair'
}

/**
 * Whether an update may go on: a replica has served with all that is wanted for long enough to be believed in. Once
 * one that served has died, that is as long as it takes to be stable.
 */
export function isProven(wanted: DesiredDeployment, seen: ObservedDeployment, now: Instant): boolean {
  return [...seen.replicas.values()].some(
    (replica) => isServing(replica) && revisionOf(replica) === revisionOf(wanted) && now >= provenAt(replica, seen),
  )
}

/** When a replica that runs has done so for long enough; infinity: it does not run. */
export function provenAt(replica: ObservedReplica, seen: ObservedDeployment): Instant {
  if (replica.phase.name !== 'running') return Number.POSITIVE_INFINITY
  return replica.phase.since + (failuresOf(replica, seen).lost > 0 ? STABLE_MS : SOAK_MS)
}

/** Whether an update is not going to succeed by itself, so that somebody has to do something. */
export function hasFailed(wanted: DesiredDeployment, seen: ObservedDeployment): boolean {
  if (isGivenUp(wanted, seen)) return true
  return stepTo(wanted, seen) === 'update' && failuresOf(wanted, seen).inARow >= wanted.maxStartFailures
}

/** The requests that a replica is thought to have been serving at its end, which is now. */
export function requestsOf({ interrupted }: ObservedReplica, now: Instant): readonly string[] {
  return interrupted !== undefined && now - interrupted.at <= NOTICED_WITHIN_MS ? interrupted.requestIds : []
}

/** How many replicas an update takes at a time: Ray's share, but never none. */
export function batchSize(rollingUpdatePercentage: number, targetReplicas: number): number {
  return Math.max(1, Math.floor(rollingUpdatePercentage * targetReplicas))
}
