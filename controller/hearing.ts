import type { FromReplica, ReplicaReport } from '../shared/protocol.ts'
import type { ReplicaRole } from './found.ts'
import type { Event } from './state.ts'

type Which = Pick<ReplicaRole, 'deployment' | 'replica'>

/** What has happened when a replica says this of itself; undefined: nothing. */
export function heard(which: Which, message: FromReplica): Event | undefined {
  const { deployment, replica } = which
  return message.type === 'health'
    ? { on: 'checked', deployment, replica, health: message.health }
    : reported({ deployment, replica }, message.phase)
}

function reported(which: Which, phase: ReplicaReport): Event | undefined {
  switch (phase.name) {
    case 'running':
      return { ...which, on: 'running', address: phase.address }
    case 'failed':
      return { ...which, on: 'failed', error: phase.error }
    case 'draining':
      return { ...which, on: 'leaving' }
    case 'starting':
      return undefined
  }
}
