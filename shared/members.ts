import { readdirSync, readFileSync } from 'node:fs'
import { isReplicaId, type ReplicaId } from './ids.ts'
import { outputDirectory, type Session } from './session.ts'
import { removeSockets } from './socket-files.ts'

/** Says in the environment of a replica which one it is. */
export const REPLICA_ID = 'BATOID_REPLICA_ID'

const LOOKS = 5
const LOOK_MS = 50

export interface Member {
  readonly pid: number
  readonly replica: ReplicaId | undefined
}

/**
 * The other processes of the session that live. Their output files name them, and their environments tell that a pid
 * has not become somebody else's since. Without Linux's /proc nobody is known.
 */
export function membersOf(session: Session): Member[] {
  const pids = readdirSync(outputDirectory(session)).map((file) => Number(/-(\d+)\.out$/.exec(file)?.[1]))
  return [...new Set(pids)].flatMap((pid) => {
    const env = pid > 0 && pid !== process.pid ? read(`/proc/${pid}/environ`).split('\0') : []
    if (!env.includes(`BATOID_SESSION_DIR=${session.directory}`)) return []
    const id = env.find((one) => one.startsWith(`${REPLICA_ID}=`))?.slice(REPLICA_ID.length + 1)
    return [{ pid, replica: isReplicaId(id) ? id : undefined }]
  })
}

/** By a signal. */
export function isStopped(pid: number): boolean {
  return /\) T [^)]*$/.test(read(`/proc/${pid}/stat`))
}

/**
 * For those who leave because the launcher has gone: whoever is stopped does not notice that, but dies of SIGKILL. On a
 * busy machine a signal takes its time to stop a process, so this looks several times. It blocks: nothing is to be
 * begun any more.
 */
export function killStopped(session: Session): void {
  let others = membersOf(session)
  let isAnyKilled = false
  for (let n = 0; n < LOOKS && others.length > 0; n += 1) {
    if (n > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOOK_MS)
    for (const { pid } of others.filter((other) => isStopped(other.pid))) isAnyKilled = kill(pid) || isAnyKilled
    others = others.filter(({ pid }) => isAlive(pid))
  }
  if (isAnyKilled) removeSockets(session)
}

/** Where nobody reaps it, a dead process stays in the table as a zombie, which still takes signals. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return !/\) Z /.test(read(`/proc/${pid}/stat`))
  } catch {
    return false
  }
}

/** Returns whether it was there. */
function kill(pid: number): boolean {
  try {
    return process.kill(pid, 'SIGKILL')
  } catch {
    return false
  }
}

/** Empty if it has gone. */
function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
