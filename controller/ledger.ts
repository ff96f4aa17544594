import type { Instant } from '../shared/clock.ts'
import type { ErrorReport } from '../shared/errors.ts'
import type { DeploymentId, Random, ReplicaId } from '../shared/ids.ts'
import { checked, couldNotStart, gone } from './failures.ts'
import { LEAVE_MS, requestsOf } from './policy.ts'
import type { Action, Event, Observed, ObservedDeployment, ObservedReplica, Phase, Waiting } from './state.ts'
import { revisionOf, unseen } from './state.ts'

/** Of the requests that a replica was serving so many are kept. */
const REQUESTS = 20

/** Writes an action into the state before it is performed, so that it is never ordered twice. */
export function record(observed: Observed, action: Action, now: Instant): Observed {
  const { deployment } = action
  switch (action.do) {
    case 'spawn': {
      const { wanted, allotment } = action
      const { version, config, drainTimeoutMs, startTimeoutMs } = wanted
      const phase: Phase = { name: 'starting', deadline: now + startTimeoutMs, timeoutMs: startTimeoutMs }
      const well = { taking: undefined, health: { failures: 0 }, frozen: undefined, interrupted: undefined }
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
      return change(observed, deployment, (d) => ({ ...d, waiting: waiting(d, action.replicas, now) }))
    case 'warn':
      return change(observed, deployment, (d) => ({ ...d, slow: action.slow }))
    case 'forget': {
      const next = new Map(observed)
      next.delete(deployment)
      return next
    }
  }
}

function waiting({ waiting: before }: ObservedDeployment, replicas: number, now: Instant): Waiting | undefined {
  return replicas === 0 ? undefined : { replicas, since: before?.since ?? now }
}

/** Writes down what happened. What is said of a replica that is not known is ignored. */
export function observe(observed: Observed, event: Event, now: Instant, random: Random): Observed {
  const { deployment } = event
  if (event.on === 'found') return found(observed, deployment, event.found)
  if (event.on === 'interrupted') return interrupted(observed, event, now)
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
      return ranAs(observed, deployment, withConfig(replica, event.config, now))
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
      return change(observed, deployment, (d) => gone(d, replica, event, { now, random }))
  }
}

function withConfig(replica: ObservedReplica, config: string, now: Instant): ObservedReplica {
  const { phase } = replica
  return { ...replica, config, taking: undefined, phase: phase.name === 'running' ? { ...phase, since: now } : phase }
}

function found(observed: Observed, id: DeploymentId, replica: ObservedReplica): Observed {
  return replica.phase.name === 'running' ? ranAs(observed, id, replica) : put(observed, id, replica)
}

/** What failed is tried anew. */
export function forgive(observed: Observed, deployments: readonly DeploymentId[]): Observed {
  return new Map([...observed].map(([id, d]) => [id, deployments.includes(id) ? { ...d, failures: new Map() } : d]))
}

/** Proxies may notice the end of a replica before or after the controller does. */
function interrupted(observed: Observed, event: Event & { on: 'interrupted' }, now: Instant): Observed {
  const { deployment, replica: id, requestIds } = event
  const d = observed.get(deployment)
  if (d === undefined) return observed
  const replica = d.replicas.get(id)
  const add = (before: readonly string[]) => [...before, ...requestIds].slice(-REQUESTS)
  if (replica === undefined) {
    const dead = d.dead.map((one) => (one.id === id ? { ...one, requestIds: add(one.requestIds) } : one))
    return change(observed, deployment, () => ({ ...d, dead }))
  }
  const all = { at: now, requestIds: add(requestsOf(replica, now)) }
  return put(observed, deployment, { ...replica, interrupted: all })
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
