import type { DesiredDeployment, Failures, ObservedDeployment } from './state.ts'

/** How long a replica that has said that it cannot start may take to leave. */
export const LEAVE_MS = 2_000

/** Ray's limit: so many starts for each replica. */
const STARTS_PER_REPLICA = 3

export function maxStartFailures(maxConstructorRetryCount: number, targetReplicas: number): number {
  return Math.min(maxConstructorRetryCount, STARTS_PER_REPLICA * targetReplicas)
}

/** Whether no replica of the wanted version will be started any more: too many failed before any ran. */
export function isGivenUp(wanted: DesiredDeployment, seen: ObservedDeployment): boolean {
  return seen.ranVersion !== wanted.version && startFailures(seen.failures, wanted.version) >= wanted.maxStartFailures
}

export function startFailures(failures: Failures, version: string): number {
  return failures.version === version ? failures.starts : 0
}
