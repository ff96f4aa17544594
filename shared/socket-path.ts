import { lstatSync, unlinkSync } from 'node:fs'
import { connect } from 'node:net'
import { messageOf, ServeError } from './errors.ts'
import { MAX_SOCKET_PATH_BYTES } from './session.ts'

/** Node 20 would cut a longer path off without a word and serve on another file. */
export function checkSocketPath(path: string): void {
  const bytes = Buffer.byteLength(path)
  if (bytes <= MAX_SOCKET_PATH_BYTES) return
  throw new ServeError(
    'path_too_long',
    `the socket path ${path} has ${bytes} bytes, the kernel takes ${MAX_SOCKET_PATH_BYTES}: choose a shorter --session-dir`,
  )
}

/**
 * Makes room for a server at `path`: removes the socket file of one that was killed, and refuses when one lives there or
 * the file is no socket.
 */
export async function clearSocketPath(path: string): Promise<void> {
  const found = fileAt(path)
  if (found === undefined) return
  if (!found.isSocket())
    throw new ServeError('session_unusable', `${path} is in the way: it is not a socket, remove it`)
  if (await isServed(path)) {
    throw new ServeError(
      'session_unusable',
      `another process serves ${path}: stop that cluster, or choose another --session-dir`,
    )
  }
  // A second server may have found the same dead file, and have replaced it by its own in the meantime.
  const now = fileAt(path)
  if (now?.ino === found.ino && now.ctimeNs === found.ctimeNs) unlinkSync(path)
}

function fileAt(path: string) {
  try {
    return lstatSync(path, { bigint: true, throwIfNoEntry: false })
  } catch (error) {
    throw new ServeError('session_unusable', `${path} cannot be looked at: ${messageOf(error)}`, { cause: error })
  }
}

/** Only a refused connection proves that nobody is there: one whose queue is full (EAGAIN) lives. */
function isServed(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', (error: NodeJS.ErrnoException) => {
      resolve(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT')
    })
  })
}
