import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import type { Clock } from '../shared/clock.ts'
import { type DeploymentId, isDeploymentId, type ReplicaId } from '../shared/ids.ts'
import { membersOf } from '../shared/members.ts'
import { replicaOfStarted, replicaStarted, replicaSocket, type Session } from '../shared/session.ts'
import { clearSocketPath } from '../shared/socket-path.ts'
import type { Started } from './effects.ts'

/** The replicas that were started and have not left by themselves. */
export function startedReplicas(session: Session): Started[] {
  const pids = new Map(membersOf(session).map(({ replica, pid }) => [replica, pid]))
  return idsOfStarted(session).map((replica) => ({
    replica,
    deployment: deploymentOf(session, replica),
    pid: pids.get(replica),
  }))
}

function deploymentOf(session: Session, replica: ReplicaId): DeploymentId | undefined {
  try {
    const text = readFileSync(replicaStarted(session, replica), 'utf8')
    return isDeploymentId(text) ? text : undefined
  } catch {
    return undefined // It is leaving.
  }
}

/** Of these, those that are not surely dead. What is left of the dead is removed. */
export async function livingReplicas(session: Session, clock: Clock): Promise<ReplicaId[]> {
  const started = idsOfStarted(session)
  const dead = await Promise.all(started.map((replica) => isDead(session, replica, clock)))
  return started.filter((_, i) => !dead[i])
}

function idsOfStarted({ directory }: Session): ReplicaId[] {
  return readdirSync(directory).flatMap((file) => replicaOfStarted(file) ?? [])
}

async function isDead(session: Session, replica: ReplicaId, clock: Clock): Promise<boolean> {
  const socket = replicaSocket(session, replica)
  if (!existsSync(socket)) return false // still starting, for all we know
  try {
    await clearSocketPath(socket, clock)
  } catch {
    return false // somebody serves it
  }
  forgetReplica(session, replica)
  return true
}

export function forgetReplica(session: Session, replica: ReplicaId): void {
  rmSync(replicaStarted(session, replica), { force: true })
}
