import { createHash } from 'node:crypto'
import { hostname } from 'node:os'
import type { Identity } from './log-json.ts'
import type { Session } from './session.ts'

/** 56 hexadecimal digits, as Ray names its nodes; the same for all processes of a cluster on a machine. */
export function nodeIdOf({ directory }: Session): string {
  return digest(`${hostname()} ${directory}`)
}

/** Who a process is, by Ray's keys: one that runs again is another worker, and the same actor only under the same name. */
export function identityOf(session: Session, { pid, actorName }: { pid: number; actorName: string }) {
  const nodeId = nodeIdOf(session)
  return {
    process: pid,
    worker_id: digest(`${nodeId} ${pid}`),
    node_id: nodeId,
    actor_id: digest(`${nodeId} ${actorName}`).slice(0, ACTOR_DIGITS),
    actor_name: actorName,
  } satisfies Identity
}

const ACTOR_DIGITS = 32

function digest(text: string): string {
  return createHash('sha224').update(text).digest('hex')
}
