import { lstatSync, unlinkSync } from 'node:fs'
import { connect } from 'node:net'
import type { Clock } from './clock.ts'
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
export async function clearSocketPath(path: string, clock: Clock): Promise<void> {
  const look = () => lstatSync(path, { bigint: true, throwIfNoEntry: false })
  const found = onDisk(path, look)
  if (found === undefined) return
  if (!found.isSocket()) throw unusable(`${path} is in the way: it is not a socket, remove it`)
  if (await isServed(path, clock)) {
    throw unusable(`another process serves ${path}: stop that cluster, or choose another --session-dir`)
  }
  // A second server may have found the same dead file, and have replaced it by its own in the meantime.
  const now = onDisk(path, look)
  if (now?.ino === found.ino && now.ctimeNs === found.ctimeNs) onDisk(path, () => unlinkSync(path))
}

function onDisk<T>(path: string, access: () => T): T {
  try {
    return access()
  } catch (error) {
    throw unusable(`cannot make room for a socket at ${path}: ${messageOf(error)}`)
  }
}

function unusable(text: string): ServeError {
  return new ServeError('session_unusable', text)
}

/**
 * Only a refused connection proves that nobody is there: one whose queue is full (EAGAIN) lives. One that drops the
 * first connection may be a process that is being killed, whose listening socket was not closed yet.
 */
async function isServed(path: string, clock: Clock): Promise<boolean> {
  const first = await probe(path, clock)
  const last = first === 'dropped' ? await probe(path, clock) : first
  return last !== 'refused'
}

/** How long a process may take to close its files, once it is killed. */
const DYING_MS = 500

function probe(path: string, clock: Clock): Promise<'refused' | 'dropped' | 'taken'> {
  return new Promise((resolve) => {
    const socket = connect(path)
    const settle = (outcome: 'refused' | 'dropped' | 'taken') => {
      cancel()
      socket.destroy()
      resolve(outcome)
    }
    const cancel = clock.after(DYING_MS, () => settle('taken'))
    socket.once('end', () => settle('dropped'))
    socket.once('error', ({ code }: NodeJS.ErrnoException) => {
      if (code === 'ECONNRESET') settle('dropped')
      else settle(code === 'ECONNREFUSED' || code === 'ENOENT' ? 'refused' : 'taken')
    })
    socket.resume()
  })
}
