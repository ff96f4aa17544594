import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { type Clock, systemClock } from '../shared/clock.ts'
import { messageOf, ServeError } from '../shared/errors.ts'
import {
  controllerCheckpoint,
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
import { clearSocketPath } from '../shared/socket-path.ts'
import { sessionRoot } from '../shared/settings.ts'
import { userName } from '../shared/user.ts'

/**
 * Makes the directory of a new cluster, mode 0700: whoever can enter it commands the cluster.
 * @throws ServeError `session_unusable` or `path_too_long`
 */
async function createSession(directory: string, clock: Clock): Promise<Session> {
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
    checkPrivate(session.directory)
  } catch (error) {
    throw new ServeError(
      'session_unusable',
      `cannot use session directory ${session.directory}: ${messageOf(error)}; take another --session-dir`,
    )
  }
  // Two clusters in one directory would take each other's replicas over.
  for (const path of [lifelineSocket(session), controllerSocket(session)]) await clearSocketPath(path, clock)
  removeSockets(session)
  rmSync(controllerCheckpoint(session), { force: true })
  for (const file of readdirSync(outputDirectory(session))) rmSync(join(outputDirectory(session), file))
  return session
}

/** In a directory of its own, unless the user has said in which. */
export async function createOrDefault(directory: string | undefined): Promise<Session> {
  if (directory !== undefined) return await createSession(directory, systemClock)
  const root = sessionRoot(tmpdir(), userName())
  makeDirectory(root)
  try {
    // Its name can be guessed: somebody else may have made it first.
    checkPrivate(root)
  } catch (error) {
    throw new ServeError('session_unusable', `cannot use ${root}: ${messageOf(error)}; take a --session-dir`)
  }
  return await createSession(join(root, sessionName(new Date(), process.pid)), systemClock)
}

/** Throws unless the directory is this user's and nobody else's: whoever can enter it commands the cluster. */
function checkPrivate(directory: string): void {
  const { uid, mode } = statSync(directory)
  if (process.getuid !== undefined && uid !== process.getuid()) throw new Error('it belongs to another user')
  if ((mode & 0o077) !== 0) throw new Error('other users may enter it (chmod 700 makes it private)')
  accessSync(directory, constants.W_OK | constants.X_OK)
}

/** Not mkdir's own `recursive`: on Node 20 it never ends where the kernel says that a parent which is there is not. */
export function makeDirectory(path: string): void {
  if (existsSync(path)) return
  makeDirectory(dirname(path))
  mkdirSync(path, { mode: 0o700 })
}

/** Lets `session_latest`, beside the session directory, lead to it. Renamed into place, so that it is never missing. */
export function linkLatest({ directory }: Session): void {
  const temporary = `${directory}.latest`
  symlinkSync(directory, temporary)
  renameSync(temporary, join(dirname(directory), 'session_latest'))
}

/** `session_2026-11-22_16-52-52_45584`, as Ray names them. */
function sessionName(now: Date, pid: number): string {
  const date = `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`
  return `session_${date}_${two(now.getHours())}-${two(now.getMinutes())}-${two(now.getSeconds())}_${pid}`
}

function two(n: number): string {
  return String(n).padStart(2, '0')
}
