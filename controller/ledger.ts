import { restartDelayMs, STABLE_MS } from '../shared/backoff.ts'
import type { Instant } from '../shared/clock.ts'
import type { ErrorReport } from '../shared/errors.ts'
import type { DeploymentId, Random, ReplicaId } from '../shared/ids.ts'
import type { Health } from '../shared/protocol.ts'
import { failuresOf, isUnhealthy, LEAVE_MS } from './policy.ts'
import type { Action, Event, Observed, ObservedDeployment, ObservedReplica, Phase } from './state.ts'
import { revisionOf, unseen } from './state.ts'

/** As many as the reference shows. */
const DEAD = 10

/** Failures of so many revisions are remembered; of older ones nothing runs any more. */
const REMEMBERED = 16

/** Writes an action into the state before it is performed, so that it is never ordered twice. */
export function record(observed: Observed, action: Action, now: Instant): Observed {
  const { deployment } = action
  switch (action.do) {
    case 'spawn': {
      const { wanted, allotment } = action
      const { version, config, drainTimeoutMs, startTimeoutMs } = wanted
      const phase: Phase = { name: 'starting', deadline: now + startTimeoutMs, timeoutMs: startTimeoutMs }
      const well = { taking: undefined, health: { failures: 0 }, frozen: undefined }
      return put(observed, deployment, {
        id: action.replica,
        version,
        config,
        allotment,
        drainTimeoutMs,
        phase,
        ...well,
      })
    }
    case 'reconfigure':
      return amend(observed, action, (replica) => ({ ...replica, taking: action.config }))
    case 'drain':
      return enter(observed, action, () => ({ name: 'draining', deadline: now + action.timeoutMs }))
    case 'kill':
      return enter(observed, action, (r) => ({ name: 'killed', failed: reasonToKill(r), since: runningSince(r) }))
    case 'reach':
      return change(observed, deployment, (d) => ({ ...d, reached: action.reached }))
    case 'wait':
      return change(observed, deployment, (d) => ({ ...d, waiting: action.replicas }))
  }
}

/** Writes down what happened. What is said of a replica that is not known is ignored. */
export function observe(observed: Observed, event: Event, now: Instant, random: Random): Observed {
  const { deployment } = event
  if (event.on === 'found') return found(observed, deployment, event.found)
  const replica = observed.get(deployment)?.replicas.get(event.replica)
  if (replica === undefined) return observed
  switch (event.on) {
    case 'running':
      if (replica.phase.name !== 'starting') return observed // told to leave while it was still starting
      return ranAs(observed, deployment, { ...replica, phase: { name: 'running', address: event.address, since: now } })
    case 'failed':
      if (replica.phase.name !== 'starting') return observed
      return enter(observed, event, () => ({ name: 'failed', error: event.error, deadline: now + LEAVE_MS }))
    case 'reconfigured':
      return ranAs(observed, deployment, { ...replica, config: event.config, taking: undefined })
    case 'not reconfigured': {
      const next = put(observed, deployment, { ...replica, taking: undefined })
      const revision = { version: replica.version, config: event.config }
      return change(next, deployment, (d) => couldNotStart(d, revision, event.error, { now, random }))
    }
    case 'checked':
      return change(observed, deployment, (d) => checked(d, replica, event.health, { now, random }))
    case 'frozen':
      return put(observed, deployment, {
        ...replica,
        frozen: { since: replica.frozen?.since ?? now, error: event.error },
      })
    case 'thawed':
      return put(observed, deployment, { ...replica, frozen: undefined })
    case 'leaving':
      if (replica.phase.name !== 'running') return observed
      return enter(observed, event, (r) => ({ name: 'draining', deadline: now + r.drainTimeoutMs }))
    case 'exited':
      return change(observed, deployment, (d) => gone(d, replica, event.error, { now, random }))
  }
}

function found(observed: Observed, id: DeploymentId, replica: ObservedReplica): Observed {
  return replica.phase.name === 'running' ? ranAs(observed, id, replica) : put(observed, id, replica)
}

interface Chance {
  readonly now: Instant
  readonly random: Random
}

function gone(d: ObservedDeployment, replica: ObservedReplica, exit: ErrorReport, chance: Chance): ObservedDeployment {
  return without(bury(failed(d, replica, exit, chance), replica, exit), replica.id)
}

function failed(
  d: ObservedDeployment,
  replica: ObservedReplica,
  exit: ErrorReport,
  chance: Chance,
): ObservedDeployment {
  const { phase } = replica
  switch (phase.name) {
    case 'draining':
      return d
    case 'running':
      return lost(d, replica, phase.since, chance)
    case 'starting':
      return couldNotStart(d, replica, exit, chance)
    case 'failed':
      return couldNotStart(d, replica, phase.error, chance)
    case 'killed':
      if (phase.failed === undefined) return d
      return phase.since === undefined
        ? couldNotStart(d, replica, phase.failed, chance)
        : lost(d, replica, phase.since, { ...chance, lastError: phase.failed })
  }
}

/** One that becomes unhealthy is lost then, and not again when it has gone: its successor starts earlier. */
function checked(d: ObservedDeployment, replica: ObservedReplica, health: Health, chance: Chance): ObservedDeployment {
  const next = { ...replica, health }
  const replicas = new Map(d.replicas).set(replica.id, next)
  const since = runningSince(replica)
  if (since === undefined || !isUnhealthy(next)) return { ...d, replicas }
  return { ...lost(d, replica, since, { ...chance, lastError: health.error }), replicas }
}

/** It ran, and is not counted on any more. */
function lost(d: ObservedDeployment, replica: ObservedReplica, since: Instant, why: Reason): ObservedDeployment {
  return isUnhealthy(replica) ? d : failure(d, replica, { ...why, wasStable: why.now - since >= STABLE_MS })
}

function bury(d: ObservedDeployment, replica: ObservedReplica, exit: ErrorReport): ObservedDeployment {
  const why = whyItEnded(replica, exit)
  return why === undefined ? d : { ...d, dead: [...d.dead, { id: replica.id, reason: why.message }].slice(-DEAD) }
}

/** Undefined: it was not needed any more. */
function whyItEnded(replica: ObservedReplica, exit: ErrorReport): ErrorReport | undefined {
  const { phase, health } = replica
  switch (phase.name) {
    case 'draining':
      return isUnhealthy(replica) ? health.error : undefined
    case 'failed':
      return phase.error
    case 'killed':
      return phase.failed ?? exit
    case 'starting':
    case 'running':
      return exit
  }
}

type Revised = Pick<ObservedReplica, 'version' | 'config'>

function couldNotStart(d: ObservedDeployment, revised: Revised, lastError: ErrorReport, chance: Chance) {
  const starts = failuresOf(revised, d).starts + 1
  return failure(d, revised, { ...chance, wasStable: false, starts, lastError })
}

interface Reason extends Chance {
  readonly lastError?: ErrorReport | undefined
}

interface Failure extends Reason {
  readonly wasStable: boolean
  readonly starts?: number
}

function failure(d: ObservedDeployment, revised: Revised, { now, random, wasStable, ...more }: Failure) {
  const before = failuresOf(revised, d)
  const lastError = more.lastError ?? before.lastError
  const inARow = wasStable ? 1 : before.inARow + 1
  const own = { ...before, ...more, lastError, inARow, notBefore: now + restartDelayMs(inARow, random) }
  const others = [...d.failures].filter(([revision]) => revision !== revisionOf(revised)).slice(1 - REMEMBERED)
  return { ...d, failures: new Map([...others, [revisionOf(revised), own]]) }
}

/** A replica runs with what it has: from now on that is known to be possible. */
function ranAs(observed: Observed, id: DeploymentId, replica: ObservedReplica): Observed {
  return change(put(observed, id, replica), id, (d) => ({ ...d, ranRevision: revisionOf(replica) }))
}

function runningSince({ phase }: ObservedReplica): Instant | undefined {
  return phase.name === 'running' ? phase.since : undefined
}

function reasonToKill({ phase, frozen }: ObservedReplica): ErrorReport | undefined {
  switch (phase.name) {
    case 'starting':
      return {
        code: 'start_timeout',
        message: `it was not ready within ${phase.timeoutMs} ms (startTimeoutS of its deployment)`,
      }
    case 'failed':
      return phase.error
    case 'running':
      return frozen && { ...frozen.error, message: `${frozen.error.message}, for longer than frozenTimeoutS allows` }
    case 'draining':
    case 'killed':
      return undefined
  }
}

function without(d: ObservedDeployment, id: ReplicaId): ObservedDeployment {
  const replicas = new Map(d.replicas)
  replicas.delete(id)
  return { ...d, replicas }
}

type Which = { readonly deployment: DeploymentId; readonly replica: ReplicaId }

function enter(observed: Observed, which: Which, phase: (replica: ObservedReplica) => Phase): Observed {
  return amend(observed, which, (replica) => ({ ...replica, phase: phase(replica) }))
}

function amend(
  observed: Observed,
  { deployment, replica: id }: Which,
  next: (replica: ObservedReplica) => ObservedReplica,
): Observed {
  const replica = observed.get(deployment)?.replicas.get(id)
  return replica === undefined ? observed : put(observed, deployment, next(replica))
}

function put(observed: Observed, deployment: DeploymentId, replica: ObservedReplica): Observed {
  return change(observed, deployment, (d) => ({ ...d, replicas: new Map(d.replicas).set(replica.id, replica) }))
}

function change(observed: Observed, id: DeploymentId, update: (d: ObservedDeployment) => ObservedDeployment): Observed {
  return new Map(observed).set(id, update(observed.get(id) ?? unseen))
}
