import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import {
  controllerSocket,
  dashboardFile,
  lifelineSocket,
  replicaOfStarted,
  replicaOfSocket,
  type Session,
} from './session.ts'

/** Removes a socket file that nobody serves any more. */
export function removeSocket(path: string): void {
  rmSync(path, { force: true })
}

/** For the last one to leave: those who were killed have left theirs. The address of the REST API goes with them. Touches no file but a cluster's own. */
export function removeSockets(session: Session): void {
  removeSocket(controllerSocket(session))
  removeSocket(lifelineSocket(session))
  removeSocket(dashboardFile(session))
  for (const file of readdirSync(session.directory)) {
    const isReplicas = replicaOfSocket(file) !== undefined || replicaOfStarted(file) !== undefined
    if (isReplicas) removeSocket(join(session.directory, file))
  }
}
