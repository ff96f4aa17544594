import type { Instant } from '../shared/clock.ts'
import type { Role } from '../shared/protocol.ts'
import { LEAVE_MS } from './policy.ts'
import type { ObservedReplica, Phase } from './state.ts'

export type ReplicaRole = Role & { readonly kind: 'replica' }

/** A replica that a former controller started, as its hello shows it. */
export function foundReplica(role: ReplicaRole, now: Instant): ObservedReplica {
  const { replica: id, version, config, allotment, drainTimeoutMs, health } = role
  const phase = takenPhase(role, now)
  return { id, version, config, taking: undefined, allotment, drainTimeoutMs, phase, health, ...unknown }
}

/** What only the former controller knew. */
const unknown = { frozen: undefined, interrupted: undefined }

function takenPhase({ phase, startTimeoutMs, drainTimeoutMs }: ReplicaRole, now: Instant): Phase {
  switch (phase.name) {
    case 'running':
      return { name: 'running', address: phase.address, since: now }
    case 'starting':
      return { name: 'starting', deadline: now + startTimeoutMs, timeoutMs: startTimeoutMs }
    case 'failed':
      return { name: 'failed', error: phase.error, deadline: now + LEAVE_MS }
    case 'draining':
      return { name: 'draining', deadline: now + drainTimeoutMs }
  }
}
