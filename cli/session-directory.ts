import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs'
import { connect } from 'node:net'
import { dirname, join, resolve } from 'node:path'
import { messageOf, ServeError } from '../shared/errors.ts'
import {
  controllerSocket,
  lifelineSocket,
  logDirectory,
  MAX_SOCKET_PATH_BYTES,
  outputDirectory,
  replicaSocket,
  type Session,
} from '../shared/session.ts'
import type { ReplicaId } from '../shared/ids.ts'
import { removeSockets } from '../shared/socket-files.ts'

/**
 * Makes the directory of a new cluster, mode 0700: whoever can enter it commands the cluster.
 * @throws ServeError `session_unusable` or `path_too_long`
 */
export async function createSession(directory: string): Promise<Session> {
  const session = { directory: resolve(directory) }
  const longest = Buffer.byteLength(replicaSocket(session, 'xxxxxxxx' as ReplicaId))
  if (longest > MAX_SOCKET_PATH_BYTES) {
    throw new ServeError(
      'path_too_long',
      `session directory ${session.directory} is too long: its sockets' paths would have ${longest} bytes and the ` +
        `kernel takes ${MAX_SOCKET_PATH_BYTES}; take a shorter --session-dir`,
    )
  }
  try {
    for (const path of [session.directory, logDirectory(session), outputDirectory(session)]) makeDirectory(path)
    chmodSync(session.directory, 0o700)
    accessSync(session.directory, constants.W_OK | constants.X_OK)
  } catch (error) {
    throw new ServeError(
      'session_unusable',
      `cannot use session directory ${session.directory}: ${messageOf(error)}; take another --session-dir`,
    )
  }
  await refuseLive(session)
  removeSockets(session)
  for (const file of readdirSync(outputDirectory(session))) rmSync(join(outputDirectory(session), file))
  return session
}

/** Not mkdir's own `recursive`: on Node 20 it never ends where the kernel says that a parent which is there is not. */
function makeDirectory(path: string): void {
  if (existsSync(path)) return
  makeDirectory(dirname(path))
  mkdirSync(path, { mode: 0o700 })
}

/** Two clusters in one directory would take each other's replicas over. */
async function refuseLive(session: Session): Promise<void> {
  for (const path of [lifelineSocket(session), controllerSocket(session)]) {
    if (!(await isServed(path))) continue
    throw new ServeError(
      'session_unusable',
      `session directory ${session.directory} belongs to a cluster that is running; stop it, or take another --session-dir`,
    )
  }
}

function isServed(path: string): Promise<boolean> {
  return new Promise((settle) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      settle(true)
    })
    socket.once('error', () => settle(false))
  })
}

/** Lets `session_latest`, beside the session directory, lead to it. Renamed into place, so that it is never missing. */
export function linkLatest({ directory }: Session): void {
  const temporary = `${directory}.latest`
  symlinkSync(directory, temporary)
  renameSync(temporary, join(dirname(directory), 'session_latest'))
}

/** `session_2026-11-22_16-52-52_45584`, as Ray names them. */
export function sessionName(now: Date, pid: number): string {
  const date = `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`
  return `session_${date}_${two(now.getHours())}-${two(now.getMinutes())}-${two(now.getSeconds())}_${pid}`
}

function two(n: number): string {
  return String(n).padStart(2, '0')
}
