import { restartDelayMs, STABLE_MS } from '../shared/backoff.ts'
import type { Instant } from '../shared/clock.ts'
import type { ErrorReport } from '../shared/errors.ts'
import type { DeploymentId, Random, ReplicaId } from '../shared/ids.ts'
import { LEAVE_MS, startFailures } from './policy.ts'
import type { Action, Event, Failures, Observed, ObservedDeployment, ObservedReplica, Phase } from './state.ts'
import { unseen } from './state.ts'

/** Writes an action into the state before it is performed, so that it is never ordered twice. */
export function record(observed: Observed, action: Action, now: Instant): Observed {
  const { deployment } = action
  switch (action.do) {
    case 'spawn': {
      const { version, cpus, drainTimeoutMs, startTimeoutMs } = action.wanted
      const phase: Phase = { name: 'starting', deadline: now + startTimeoutMs, timeoutMs: startTimeoutMs }
      return put(observed, deployment, { id: action.replica, version, cpus, drainTimeoutMs, phase })
    }
    case 'drain':
      return enter(observed, action, (r) => ({ name: 'draining', deadline: now + r.drainTimeoutMs }))
    case 'kill':
      return enter(observed, action, (r) => ({ name: 'killed', failed: reasonToKill(r) }))
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
    return found.phase.name === 'running'
      ? change(next, deployment, (d) => ({ ...d, ranVersion: found.version }))
      : next
  }
  const replica = observed.get(deployment)?.replicas.get(event.replica)
  if (replica === undefined) return observed
  switch (event.on) {
    case 'running':
      if (replica.phase.name !== 'starting') return observed // told to leave while it was still starting
      return change(
        enter(observed, event, () => ({ name: 'running', address: event.address, since: now })),
        deployment,
        (d) => ({
          ...d,
          ranVersion: replica.version,
        }),
      )
    case 'failed':
      if (replica.phase.name !== 'starting') return observed
      return enter(observed, event, () => ({ name: 'failed', error: event.error, deadline: now + LEAVE_MS }))
    case 'leaving':
      if (replica.phase.name !== 'running') return observed
      return enter(observed, event, (r) => ({ name: 'draining', deadline: now + r.drainTimeoutMs }))
    case 'exited':
      return change(observed, deployment, (d) => without(d, replica, failed(d, replica, event.error, { now, random })))
  }
}

interface Chance {
  readonly now: Instant
  readonly random: Random
}

function failed(d: ObservedDeployment, replica: ObservedReplica, exit: ErrorReport, chance: Chance): Failures {
  const { phase, version } = replica
  switch (phase.name) {
    case 'draining':
      return d.failures
    case 'running':
      return failure(d.failures, chance.now - phase.since >= STABLE_MS, chance)
    case 'starting':
    case 'failed':
    case 'killed': {
      const reason = phase.name === 'failed' ? phase.error : phase.name === 'killed' ? phase.failed : exit
      if (reason === undefined) return d.failures
      const starts = startFailures(d.failures, version) + 1
      return { ...failure(d.failures, false, chance), version, starts, lastError: reason }
    }
  }
}

function failure(before: Failures, wasStable: boolean, { now, random }: Chance): Failures {
  const inARow = wasStable ? 1 : before.inARow + 1
  return { ...before, inARow, notBefore: now + restartDelayMs(inARow, random) }
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

function without(d: ObservedDeployment, { id }: ObservedReplica, failures: Failures): ObservedDeployment {
  const replicas = new Map(d.replicas)
  replicas.delete(id)
  return { ...d, replicas, failures }
}

type Which = { readonly deployment: DeploymentId; readonly replica: ReplicaId }

function enter(
  observed: Observed,
  { deployment, replica: id }: Which,
  phase: (replica: ObservedReplica) => Phase,
): Observed {
  const replica = observed.get(deployment)?.replicas.get(id)
  return replica === undefined ? observed : put(observed, deployment, { ...replica, phase: phase(replica) })
}

function put(observed: Observed, deployment: DeploymentId, replica: ObservedReplica): Observed {
  return change(observed, deployment, (d) => ({ ...d, replicas: new Map(d.replicas).set(replica.id, replica) }))
}

function change(observed: Observed, id: DeploymentId, update: (d: ObservedDeployment) => ObservedDeployment): Observed {
  return new Map(observed).set(id, update(observed.get(id) ?? unseen))
}
