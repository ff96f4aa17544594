import { isReplicaId, type ReplicaId } from './ids.ts'

/** Where everything of one cluster lives: its sockets, its logs. Mode 0700. */
export interface Session {
  readonly directory: string
}

/** The kernel keeps a socket's path in 108 bytes with its terminating NUL; Node 20 cuts longer ones off without a word. */
export const MAX_SOCKET_PATH_BYTES = 107

/** The controller serves control messages here. */
export const controllerSocket = ({ directory }: Session): string => `${directory}/controller.sock`

/** The launcher holds this open as long as it lives; whoever loses it leaves. */
export const lifelineSocket = ({ directory }: Session): string => `${directory}/launcher.sock`

/** A replica serves HTTP here. */
export const replicaSocket = ({ directory }: Session, replica: ReplicaId): string =>
  `${directory}/replica-${replica}.sock`

/** Is there from the start of a replica to its end, and names its deployment if there was room. */
export const replicaStarted = ({ directory }: Session, replica: ReplicaId): string =>
  `${directory}/replica-${replica}.started`

/** Is there while the JavaScript of a replica does not come back to its event loop; says what is known of it. */
export const replicaFrozen = ({ directory }: Session, replica: ReplicaId): string =>
  `${directory}/replica-${replica}.frozen`

/** The address of the REST API. */
export const dashboardFile = ({ directory }: Session): string => `${directory}/dashboard`

/** What should run. Is there while a controller lives, and after one that did not leave by itself. */
export const controllerCheckpoint = ({ directory }: Session): string => `${directory}/controller.json`

/** The log files, one set a process, with Ray's names. */
export const logDirectory = ({ directory }: Session): string => `${directory}/logs/serve`

/** What each process shows on the terminal, one file a process, `<prefix>-<pid>.out`. */
export const outputDirectory = ({ directory }: Session): string => `${directory}/logs/output`

/** The replica that serves, or once served, on this file of the session directory. */
export const replicaOfSocket = (file: string): ReplicaId | undefined =>
  replicaIn(/^replica-(.*)\.sock$/.exec(file)?.[1])

/** The replica that was started, and has not ended, as this file of the session directory says. */
export const replicaOfStarted = (file: string): ReplicaId | undefined =>
  replicaIn(/^replica-(.*)\.started$/.exec(file)?.[1])

function replicaIn(id: string | undefined): ReplicaId | undefined {
  return isReplicaId(id) ? id : undefined
}
