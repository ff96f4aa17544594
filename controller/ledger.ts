import { restartDelayMs, STABLE_MS } from '../shared/backoff.ts'
import type { Instant } from '../shared/clock.ts'
import type { ErrorReport } from '../shared/errors.ts'
import type { DeploymentId, Random, ReplicaId } from '../shared/ids.ts'
import { failuresOf, LEAVE_MS } from './policy.ts'
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
      const replica = { id: action.replica, version, config, taking: undefined, allotment, drainTimeoutMs, phase }
      return put(observed, deployment, replica)
    }
    case 'reconfigure':
      return amend(observed, action, (replica) => ({ ...replica, taking: action.config }))
    case 'drain':
      return enter(observed, action, () => ({ name: 'draining', deadline: now + action.timeoutMs }))
    case 'kill':
      return enter(observed, action, (r) => ({ name: 'killed', failed: reasonToKill(r) }))
    case 'reach':
      return change(observed, deployment, (d) => ({ ...d, reached: action.reached }))
    case 'wait':
      return change(observed, deployment, (d) => ({ ...d, waiting: action.replicas }))
  }
}

/** Writes down what happened. What is said of a replica that is not known is ignored. */
export function observe(observed: Observed, event: Event, now: Instant, random: Random): Observed {
  const { deployment } = event
  if (event.on === 'found') {
    const { found } = event
    const next = put(observed, deployment, found)
    return found.phase.name === 'running' ? ran(next, deployment, found) : next
  }
  const replica = observed.get(deployment)?.replicas.get(event.replica)
  if (replica === undefined) return observed
  switch (event.on) {
    case 'running':
      if (replica.phase.name !== 'starting') return observed // told to leave while it was still starting
      return ran(
        enter(observed, event, () => ({ name: 'running', address: event.address, since: now })),
        deployment,
        replica,
      )
    case 'failed':
      if (replica.phase.name !== 'starting') return observed
      return enter(observed, event, () => ({ name: 'failed', error: event.error, deadline: now + LEAVE_MS }))
    case 'reconfigured': {
      const next = { ...replica, config: event.config, taking: undefined }
      return ran(put(observed, deployment, next), deployment, next)
    }
    case 'not reconfigured': {
      const next = put(observed, deployment, { ...replica, taking: undefined })
      const revision = { version: replica.version, config: event.config }
      return change(next, deployment, (d) => couldNotStart(d, revision, event.error, { now, random }))
    }
    case 'leaving':
      if (replica.phase.name !== 'running') return observed
      return enter(observed, event, (r) => ({ name: 'draining', deadline: now + r.drainTimeoutMs }))
    case 'exited':
      return change(observed, deployment, (d) =>
        without(bury(failed(d, replica, event.error, { now, random }), replica, event.error), replica.id),
      )
  }
}

interface Chance {
  readonly now: Instant
  readonly random: Random
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
      return failure(d, replica, { ...chance, wasStable: chance.now - phase.since >= STABLE_MS })
    case 'starting':
      return couldNotStart(d, replica, exit, chance)
    case 'failed':
      return couldNotStart(d, replica, phase.error, chance)
    case 'killed':
      return phase.failed === undefined ? d : couldNotStart(d, replica, phase.failed, chance)
  }
}

function bury(d: ObservedDeployment, { id, phase }: ObservedReplica, { message }: ErrorReport): ObservedDeployment {
  if (phase.name === 'draining') return d
  const reason = phase.name === 'failed' ? phase.error.message : message
  return { ...d, dead: [...d.dead, { id, reason }].slice(-DEAD) }
}

type Revised = Pick<ObservedReplica, 'version' | 'config'>

function couldNotStart(d: ObservedDeployment, revised: Revised, lastError: ErrorReport, chance: Chance) {
  const starts = failuresOf(revised, d).starts + 1
  return failure(d, revised, { ...chance, wasStable: false, starts, lastError })
}

interface Failure extends Chance {
  readonly wasStable: boolean
  readonly starts?: number
  readonly lastError?: ErrorReport
}

function failure(d: ObservedDeployment, revised: Revised, { now, random, wasStable, ...more }: Failure) {
  const before = failuresOf(revised, d)
  const inARow = wasStable ? 1 : before.inARow + 1
  const own = { ...before, ...more, inARow, notBefore: now + restartDelayMs(inARow, random) }
  const others = [...d.failures].filter(([revision]) => revision !== revisionOf(revised)).slice(1 - REMEMBERED)
  return { ...d, failures: new Map([...others, [revisionOf(revised), own]]) }
}

/** A replica runs with what it has: from now on that is known to be possible. */
function ran(observed: Observed, id: DeploymentId, revised: Revised): Observed {
  return change(observed, id, (d) => ({ ...d, ranRevision: revisionOf(revised) }))
}

function reasonToKill({ phase }: ObservedReplica): ErrorReport | undefined {
  switch (phase.name) {
    case 'starting':
      return {
        code: 'start_timeout',
        message: `it was not ready within ${phase.timeoutMs} ms (startTimeoutS of its deployment)`,
      }
    case 'failed':
      return phase.error
    case 'running':
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
