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

/** Ray's limit: so many starts for each replica. */
const STARTS_PER_REPLICA = 3

export function maxStartFailures(maxConstructorRetryCount: number, targetReplicas: number): number {
  return Math.min(maxConstructorRetryCount, STARTS_PER_REPLICA * targetReplicas)
}

/** Whether nothing more is tried for what is wanted: too many replicas failed with it before any ran. */
export function isGivenUp(wanted: DesiredDeployment, seen: ObservedDeployment): boolean {
  return seen.ranRevision !== revisionOf(wanted) && failuresOf(wanted, seen).starts >= wanted.maxStartFailures
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

/** How many replicas an update takes at a time: Ray's share, but never none. */
export function batchSize(rollingUpdatePercentage: number, targetReplicas: number): number {
  return Math.max(1, Math.floor(rollingUpdatePercentage * targetReplicas))
}
