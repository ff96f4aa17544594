import { closeSync, existsSync, openSync, readSync } from 'node:fs'
import type { Clock } from '../shared/clock.ts'
import type { ErrorReport } from '../shared/errors.ts'
import type { ReplicaId } from '../shared/ids.ts'
import { isStopped } from '../shared/members.ts'
import { replicaFrozen, type Session } from '../shared/session.ts'
import type { Which } from './effects.ts'
import type { Running } from './processes.ts'

const LOOK_MS = 200
const MAX_BYTES = 16 * 1024

export interface FrozenOptions {
  readonly session: Session
  readonly clock: Clock
  readonly running: () => Iterable<Running>
  /** A replica is frozen, and how; undefined: it is not any more. */
  readonly changed: (which: Which, error: ErrorReport | undefined) => void
}

/**
 * Looks again and again for replicas that are frozen. It goes by what is to be seen of them now, never by what has not
 * been heard for some time: so nothing is held against a replica because this process, or the machine, stood still.
 */
export function watchFrozen({ session, clock, running, changed }: FrozenOptions): void {
  let known = new Map<ReplicaId, string>()
  const watch = (): void => {
    const frozen = new Map<ReplicaId, string>()
    for (const which of running()) {
      const isNow = which.pid !== undefined && isStopped(which.pid)
      const error = isNow ? stopped : readReport(replicaFrozen(session, which.replica))
      const text = error && `${error.message}\n${error.stack}`
      if (text !== undefined) frozen.set(which.replica, text)
      if (text !== known.get(which.replica)) changed(which, error)
    }
    known = frozen
    clock.after(LOOK_MS, watch)
  }
  watch()
}

const stopped: ErrorReport = { code: 'frozen', message: 'its process has been stopped by a signal' }

/** What the replica's watchdog has written: what is wrong in the first line, and where it is in the others. */
function readReport(file: string): ErrorReport | undefined {
  const text = read(file)
  if (text === undefined) return undefined
  const [message = '', ...stack] = text.split('\n')
  return {
    code: 'frozen',
    message: message === '' ? 'its event loop does not run' : message,
    stack: stack.length === 0 ? undefined : stack.join('\n'),
  }
}

/** Almost always there is no such file, and finding that out must not cost the making of an Error. */
function read(file: string): string | undefined {
  if (!existsSync(file)) return undefined
  try {
    const fd = openSync(file, 'r')
    try {
      const bytes = Buffer.alloc(MAX_BYTES)
      return bytes.toString('utf8', 0, readSync(fd, bytes))
    } finally {
      closeSync(fd)
    }
  } catch {
    return undefined
  }
}
