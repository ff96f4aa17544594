import type { Instant } from '../shared/clock.ts'
import type { DeploymentId, ReplicaId } from '../shared/ids.ts'
import { failuresOf, isGivenUp, isServing, isUnhealthy } from './policy.ts'
import type { Action, Desired, DesiredDeployment, Observed, ObservedDeployment, ObservedReplica } from './state.ts'
import { unseen } from './state.ts'

export interface Circumstances {
  readonly now: Instant
  /** Logical CPUs of the machine. */
  readonly cpus: number
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
  let free = circumstances.cpus - taken(desired, observed, circumstances.now)
  return [...deployments].flatMap((id) => {
    const wanted = desired.get(id)
    const seen = observed.get(id) ?? unseen
    const actions = retire(id, wanted, seen, circumstances.now)
    if (wanted === undefined) return [...actions, ...wait(id, seen, 0)]
    if (!mayTry(wanted, seen, circumstances.now)) return [...actions, ...wait(id, seen, 0)]
    const short = missing(wanted, seen, actions.filter((action) => action.do === 'drain').length)
    const fitting = Math.min(short, room(free, wanted.cpus))
    free -= fitting * wanted.cpus
    return [
      ...actions,
      ...reconfigure(id, wanted, seen),
      ...spawn(id, wanted, fitting, circumstances),
      ...wait(id, seen, short - fitting),
    ]
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
  const needed = Math.max(0, target - current.filter(isServing).length)
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

function spawn(deployment: DeploymentId, wanted: DesiredDeployment, count: number, { newReplicaId }: Circumstances) {
  return Array.from({ length: count }, (): Action => ({ do: 'spawn', deployment, replica: newReplicaId(), wanted }))
}

function wait(deployment: DeploymentId, seen: ObservedDeployment, replicas: number): Action[] {
  return seen.waiting === replicas ? [] : [{ do: 'wait', deployment, replicas }]
}

/** No more replicas at a time than a batch has, and each goes on serving with what it has until it has taken it over. */
function reconfigure(
  deployment: DeploymentId,
  { version, config, surge }: DesiredDeployment,
  seen: ObservedDeployment,
) {
  const running = [...seen.replicas.values()].filter((replica) => isRunning(replica) && replica.version === version)
  // A frozen one would not hear it.
  const busy = running.filter(({ taking }) => taking !== undefined).length
  return running
    .filter((replica) => replica.config !== config && replica.taking === undefined && replica.frozen === undefined)
    .slice(0, Math.max(0, surge - busy))
    .map(({ id }): Action => ({ do: 'reconfigure', deployment, replica: id, config }))
}

function mayTry(wanted: DesiredDeployment, seen: ObservedDeployment, now: Instant): boolean {
  const { inARow, notBefore } = failuresOf(wanted, seen)
  return !isGivenUp(wanted, seen) && (inARow === 0 || now >= notBefore)
}

/**
 * How many to start. A replica that could not start is replaced once it has gone: only then is its failure counted.
 * Never more than a batch besides the target are there, counting those of an older version but not the ones that leave.
 */
function missing(wanted: DesiredDeployment, seen: ObservedDeployment, leaving: number): number {
  const there = [...seen.replicas.values()].filter((replica) => !isLeaving(replica))
  const current = there.filter((replica) => replica.version === wanted.version && !mustBeReplaced(replica))
  const most = wanted.targetReplicas + wanted.surge - (there.length - leaving)
  return Math.max(0, Math.min(wanted.targetReplicas - current.length, most))
}

function isLeaving({ phase }: ObservedReplica): boolean {
  return phase.name === 'draining' || (phase.name === 'killed' && phase.failed === undefined)
}

/** CPUs in use. A replica that is outdated, unhealthy, or told to leave, lends its room to its successor. */
function taken(desired: Desired, observed: Observed, now: Instant): number {
  const all = [...observed].flatMap(([id, { replicas }]) => {
    const wanted = desired.get(id)
    return [...replicas.values()].filter(
      (replica) => isAlive(replica, wanted, now) && !mustBeReplaced(replica) && replica.version === wanted?.version,
    )
  })
  return all.reduce((sum, { cpus }) => sum + cpus, 0)
}

/** How many replicas fit. Ten shares of 0.1 fill one CPU, whatever binary fractions make of it. */
function room(free: number, cpusEach: number): number {
  const EPSILON = 1e-9
  return cpusEach === 0 ? Number.POSITIVE_INFINITY : Math.max(0, Math.floor(free / cpusEach + EPSILON))
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
  const deadlines = [...observed].flatMap(([id, { replicas, failures }]) => [
    ...[...replicas.values()].flatMap((replica) => deadlineOf(replica, desired.get(id)) ?? []),
    ...[...failures.values()].flatMap(({ notBefore }) => (notBefore > now ? [notBefore] : [])),
  ])
  return deadlines.length === 0 ? undefined : Math.min(...deadlines)
}
