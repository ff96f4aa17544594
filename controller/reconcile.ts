import type { Instant } from '../shared/clock.ts'
import type { DeploymentId, ReplicaId } from '../shared/ids.ts'
import { failuresOf, isGivenUp, isProven, isServing, isUnhealthy, provenAt, stepTo } from './policy.ts'
import { allotTo, freeOf, heldBeside, type Holding, type Machine } from './resources.ts'
import { nextWarning, warn } from './slow.ts'
import type { Action, Desired, DesiredDeployment, Observed, ObservedDeployment, ObservedReplica } from './state.ts'
import { revisionOf, unseen } from './state.ts'

export interface Circumstances {
  readonly now: Instant
  readonly machine: Machine
  readonly newReplicaId: () => ReplicaId
}

/**
 * Compares what is wanted with what is there and says what to do about it.
 *
 * Pure but for the ids it draws, and complete once recorded: `reconcile` of the state in which the returned actions
 * are recorded returns nothing, until time passes or an event arrives. The caller may therefore call it as often as it
 * likes.
 */
export function reconcile(desired: Desired, observed: Observed, circumstances: Circumstances): Action[] {
  const deployments = new Set([...desired.keys(), ...observed.keys()])
  const held = holdings(desired, observed, circumstances.now)
  return [...deployments].flatMap((id) => {
    const wanted = desired.get(id)
    const seen = observed.get(id) ?? unseen
    if (wanted === undefined && seen.replicas.size === 0) return [{ do: 'forget', deployment: id }]
    const retired = retire(id, wanted, seen, circumstances.now)
    if (wanted === undefined) return retired
    const actions = [...retired, ...reach(id, wanted, seen)]
    if (!mayTry(wanted, seen, circumstances.now)) actions.push(...wait(id, seen, 0))
    else actions.push(...progress(id, wanted, seen, { ...circumstances, held, staying: stay(seen, retired) }))
    const available = freeOf(circumstances.machine, heldBeside(id, held))
    const asked = { now: circumstances.now, required: wanted.resources, available }
    return [...actions, ...warn(id, seen, actions, asked)]
  })
}

/** Replicas that are overdue, too many, or replaced. */
function retire(
  deployment: DeploymentId,
  wanted: DesiredDeployment | undefined,
  seen: ObservedDeployment,
  now: Instant,
) {
  const replicas = [...seen.replicas.values()]
  const overdue = replicas.filter((replica) => isOverdue(replica, wanted, now))
  const alive = replicas.filter((replica) => isAlive(replica, wanted, now))
  const unhealthy = alive.filter(mustBeReplaced)
  const well = alive.filter((replica) => !mustBeReplaced(replica))
  const current = well.filter(({ version }) => version === wanted?.version)
  const outdated = well.filter(({ version }) => version !== wanted?.version)
  const target = wanted?.targetReplicas ?? 0
  // A version that dies as soon as it serves must not take the place of one that does not.
  const believed = wanted !== undefined && isProven(wanted, seen, now) ? current.filter(isServing).length : 0
  const needed = Math.max(0, target - believed)
  // Where nobody else serves, an unhealthy replica stays until its successor does: it may still answer.
  const spared = target > 0 && !well.some(isServing) ? 1 : 0
  const leave = [
    ...unhealthy.slice(spared),
    ...retireFirst(current).slice(0, Math.max(0, current.length - target)),
    ...retireFirst(outdated).slice(0, Math.max(0, outdated.length - needed)),
  ]
  return [
    ...overdue.map(({ id }): Action => ({ do: 'kill', deployment, replica: id })),
    ...leave.map(
      ({ id, drainTimeoutMs }): Action => ({
        do: 'drain',
        deployment,
        replica: id,
        timeoutMs: wanted?.drainTimeoutMs ?? drainTimeoutMs,
      }),
    ),
  ]
}

/** Notes that what is wanted has been reached, or that it is so no longer. */
function reach(deployment: DeploymentId, wanted: DesiredDeployment, seen: ObservedDeployment): Action[] {
  const by = stepTo(wanted, seen)
  const holds = isReached(wanted, seen)
  const { targetReplicas } = wanted
  if (by !== undefined && holds) {
    return [{ do: 'reach', deployment, reached: { revision: revisionOf(wanted), targetReplicas, by, holds } }]
  }
  if (by === undefined && !holds && seen.reached !== undefined) {
    return [{ do: 'reach', deployment, reached: { ...seen.reached, holds } }]
  }
  return []
}

/** As many run as are wanted, as they are wanted, and nothing else is there. */
function isReached(wanted: DesiredDeployment, { replicas }: ObservedDeployment): boolean {
  const all = [...replicas.values()]
  return all.length === wanted.targetReplicas && all.every((r) => isServing(r) && revisionOf(r) === revisionOf(wanted))
}

interface Space extends Circumstances {
  /** What is started here is added. */
  readonly held: Holding[]
  /** The replicas that are not leaving. */
  readonly staying: readonly ObservedReplica[]
}

/** What brings the deployment closer to what is wanted. */
function progress(id: DeploymentId, wanted: DesiredDeployment, seen: ObservedDeployment, space: Space): Action[] {
  const { staying, now } = space
  const short = missing(wanted, staying)
  const most = wanted.maxReplicas - staying.filter((replica) => isCurrent(replica, wanted)).length
  const starts = spawn(id, wanted, Math.min(short, most), space)
  const batch = reconfigure(id, wanted, staying, isProven(wanted, seen, now))
  return [...batch, ...starts, ...wait(id, seen, short - starts.length)]
}

function spawn(deployment: DeploymentId, wanted: DesiredDeployment, count: number, space: Space): Action[] {
  const starts: Action[] = []
  while (starts.length < count) {
    const allotment = allotTo(deployment, wanted.resources, space)
    if (allotment === undefined) break
    space.held.push({ deployment, allotment, isLent: false })
    starts.push({ do: 'spawn', deployment, replica: space.newReplicaId(), wanted, allotment })
  }
  return starts
}

function wait(deployment: DeploymentId, seen: ObservedDeployment, replicas: number): Action[] {
  return (seen.waiting?.replicas ?? 0) === replicas ? [] : [{ do: 'wait', deployment, replicas }]
}

/**
 * No more replicas at a time than a batch has, no second batch before the first has proved itself, and each goes on
 * serving with what it has until it has taken it over.
 */
function reconfigure(
  deployment: DeploymentId,
  { version, config, surge }: DesiredDeployment,
  staying: readonly ObservedReplica[],
  proven: boolean,
) {
  const running = staying.filter((replica) => isRunning(replica) && replica.version === version)
  const isBusy = (replica: ObservedReplica) => replica.taking !== undefined || (!proven && replica.config === config)
  const busy = running.filter(isBusy).length
  return (
    running
      // A frozen one would not hear it.
      .filter((replica) => replica.config !== config && replica.taking === undefined && replica.frozen === undefined)
      .slice(0, Math.max(0, surge - busy))
      .map(({ id }): Action => ({ do: 'reconfigure', deployment, replica: id, config }))
  )
}

function mayTry(wanted: DesiredDeployment, seen: ObservedDeployment, now: Instant): boolean {
  const { inARow, notBefore } = failuresOf(wanted, seen)
  return !isGivenUp(wanted, seen) && (inARow === 0 || now >= notBefore)
}

/** What is there and neither leaves nor is told to by these actions. */
function stay({ replicas }: ObservedDeployment, actions: readonly Action[]): ObservedReplica[] {
  const drained = new Set(actions.flatMap((action) => (action.do === 'drain' ? [action.replica] : [])))
  return [...replicas.values()].filter((replica) => !isLeaving(replica) && !drained.has(replica.id))
}

/**
 * How many to start. A replica that could not start is replaced once it has gone: only then is its failure counted.
 * No more than a batch besides the target are there, counting those of an older version.
 */
function missing(wanted: DesiredDeployment, staying: readonly ObservedReplica[]): number {
  const { targetReplicas, surge } = wanted
  const current = staying.filter((replica) => isCurrent(replica, wanted))
  return Math.max(0, Math.min(targetReplicas - current.length, targetReplicas + surge - staying.length))
}

/** It is as wanted; any other lends its place to its successor. */
function isCurrent(replica: ObservedReplica, wanted: DesiredDeployment | undefined): boolean {
  return replica.version === wanted?.version && !mustBeReplaced(replica)
}

function isLeaving({ phase }: ObservedReplica): boolean {
  return phase.name === 'draining' || (phase.name === 'killed' && phase.failed === undefined)
}

/** What is in use. A replica that is outdated, unhealthy, or told to leave, lends what it has to its successor. */
function holdings(desired: Desired, observed: Observed, now: Instant): Holding[] {
  return [...observed].flatMap(([deployment, { replicas }]) => {
    const wanted = desired.get(deployment)
    const stays = (replica: ObservedReplica) => isAlive(replica, wanted, now) && isCurrent(replica, wanted)
    return Array.from(replicas.values(), (replica): Holding => {
      return { deployment, allotment: replica.allotment, isLent: !stays(replica) }
    })
  })
}

/** It serves, or may still come to. */
function isAlive(replica: ObservedReplica, wanted: DesiredDeployment | undefined, now: Instant): boolean {
  return (replica.phase.name === 'starting' || isRunning(replica)) && !isOverdue(replica, wanted, now)
}

/** While it is frozen nobody knows how it is, and it has its own patience. */
function mustBeReplaced(replica: ObservedReplica): boolean {
  return isRunning(replica) && isUnhealthy(replica) && replica.frozen === undefined
}

function isRunning({ phase }: ObservedReplica): boolean {
  return phase.name === 'running'
}

function isOverdue(replica: ObservedReplica, wanted: DesiredDeployment | undefined, now: Instant): boolean {
  return now >= (deadlineOf(replica, wanted) ?? Number.POSITIVE_INFINITY)
}

/** When it is to be killed. One that is frozen and not wanted any more is drained, which has a deadline of its own. */
function deadlineOf({ phase, frozen }: ObservedReplica, wanted: DesiredDeployment | undefined): Instant | undefined {
  switch (phase.name) {
    case 'starting':
    case 'failed':
    case 'draining':
      return phase.deadline
    case 'running':
      return frozen && wanted && frozen.since + wanted.frozenTimeoutMs
    case 'killed':
      return undefined
  }
}

/** In the order in which to give them up: what does not serve yet before what does, the newest first. */
function retireFirst(replicas: readonly ObservedReplica[]): ObservedReplica[] {
  const newestFirst = replicas.toReversed()
  return [...newestFirst.filter((replica) => !isServing(replica)), ...newestFirst.filter(isServing)]
}

/** When reconcile has to look again though nothing happens: the next deadline, or the end of a back-off. */
export function nextDeadline(desired: Desired, observed: Observed, now: Instant): Instant | undefined {
  const deadlines = [...observed].flatMap(([id, seen]) => {
    const replicas = [...seen.replicas.values()]
    const moments = [
      nextWarning(seen),
      ...replicas.map((replica) => provenAt(replica, seen)),
      ...[...seen.failures.values()].map(({ notBefore }) => notBefore),
    ]
    return [
      ...replicas.flatMap((replica) => deadlineOf(replica, desired.get(id)) ?? []),
      ...moments.filter((at) => at > now && at < Number.POSITIVE_INFINITY),
    ]
  })
  return deadlines.length === 0 ? undefined : Math.min(...deadlines)
}
