import type { Instant } from '../shared/clock.ts'
import { type DeploymentId, deploymentName, type ReplicaId } from '../shared/ids.ts'
import type { Resources } from '../shared/protocol.ts'
import { showResources } from './resources.ts'
import type { Action, ObservedDeployment, Slow } from './state.ts'

/** So long after it is wanted, and so often, somebody is told of a replica that does not run yet. The reference's. */
const SLOW_MS = 30_000

interface Asked {
  readonly now: Instant
  readonly required: Resources
  readonly available: Resources
}

/**
 * Warns of replicas that take long to be placed or to become ready, again and again for as long as they do.
 * `actions`: what is about to be done besides.
 */
export function warn(
  deployment: DeploymentId,
  seen: ObservedDeployment,
  actions: readonly Action[],
  { now, required, available }: Asked,
): Action[] {
  const isSlow = (since: Instant) => now >= since + SLOW_MS
  const starting = startsOf(seen, new Set(actions.flatMap(replicaOf))).filter(isSlow).length
  const changed = actions.findLast((action) => action.do === 'wait')
  const late = seen.waiting !== undefined && isSlow(seen.waiting.since)
  const waiting = late ? (changed ?? seen.waiting).replicas : 0
  if (starting + waiting === 0) return seen.slow === undefined ? [] : [{ do: 'warn', deployment, slow: undefined }]
  if (seen.slow !== undefined && !isSlow(seen.slow.at)) return []
  return [{ do: 'warn', deployment, slow: { at: now, waiting, starting, required, available } }]
}

/** When there may be something to warn of. */
export function nextWarning(seen: ObservedDeployment): Instant {
  const since = seen.waiting === undefined ? startsOf(seen) : [...startsOf(seen), seen.waiting.since]
  return SLOW_MS + Math.max(Math.min(...since), seen.slow?.at ?? Number.NEGATIVE_INFINITY)
}

function startsOf({ replicas }: ObservedDeployment, told: ReadonlySet<ReplicaId> = new Set()): Instant[] {
  return [...replicas.values()].flatMap(({ id, phase }) =>
    phase.name === 'starting' && !told.has(id) ? [phase.deadline - phase.timeoutMs] : [],
  )
}

function replicaOf(action: Action): ReplicaId[] {
  return 'replica' in action ? [action.replica] : []
}

/** In the reference's words, but for what there is only there: a cluster that grows, `ray status`, `__init__`. */
export function showSlow(id: DeploymentId, { waiting, starting, required, available }: Slow): string[] {
  const { application, deployment } = deploymentName(id)
  const has = (count: number) => `Deployment '${deployment}' in application '${application}' has ${count} replicas`
  const late = `that have taken more than ${SLOW_MS / 1000}s to`
  const scheduling =
    `${has(waiting)} ${late} be scheduled. This may be due to waiting for resources that other replicas hold. ` +
    `Resources required for each replica: ${showResources(required)}, total resources available: ${showResources(available)}.`
  const initialising =
    `${has(starting)} ${late} initialize.\n` +
    'This may be caused by a slow factory, constructor or reconfigure method.'
  return [...(waiting > 0 ? [scheduling] : []), ...(starting > 0 ? [initialising] : [])]
}
