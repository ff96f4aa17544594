import type { Outcome } from '../../proxy/outcome.ts'
import { type Admission, type Caller, type Lease, Pool } from '../../proxy/pool.ts'
import type { ProxyShare, Turn } from '../../proxy/queue.ts'
import type { Clock } from '../../shared/clock.ts'
import { newReplicaId } from '../../shared/ids.ts'
import type { Route, RunningReplica } from '../../shared/protocol.ts'
import { routeTo } from './route.ts'

/** A clock that stands still until it is told to go on. */
export function manualClock(): Clock & { advance(byMs: number): void } {
  let now = 0
  const due = new Map<() => void, number>()
  return {
    now: () => now,
    after(delayMs, task) {
      due.set(task, now + delayMs)
      return () => due.delete(task)
    },
    advance(byMs) {
      now += byMs
      for (const [task, at] of due) {
        if (at > now) continue
        due.delete(task)
        task()
      }
    },
  }
}

/** Replicas with readable ids. */
export const replicas: readonly RunningReplica[] = [0, 1 / 36, 2 / 36, 3 / 36].map((digit) => {
  const id = newReplicaId(() => digit)
  return { id, address: `/${id}` }
})

export const answered: Outcome = { type: 'answered', status: 200, headMs: 5 }
export const erred: Outcome = { type: 'answered', status: 500, headMs: 1 }
export const unreachable: Outcome = { type: 'refused', reason: 'ECONNREFUSED' }
export const busy: Outcome = { type: 'busy' }
export const draining: Outcome = { type: 'draining' }
export const broken: Outcome = { type: 'broken', reason: 'closed' }

export interface Asked extends Caller {
  gone: boolean
  admission: Admission | undefined
}

export type World = ReturnType<typeof world>

interface WorldOptions {
  readonly proxy?: ProxyShare
  readonly random?: () => number
}

/** A pool and everything that came of it. */
export function world({ proxy = { index: 0, count: 1 }, random = () => 0 }: WorldOptions = {}) {
  const clock = manualClock()
  const left: RunningReplica[] = []
  const pool = new Pool({ clock, random, proxy, left: (replica) => left.push(replica) })
  const asked: Asked[] = []
  const acquire = (turn?: Turn): Asked => {
    const caller: Asked = { gone: false, onGone: undefined, admission: undefined }
    asked.push(caller)
    const admission = pool.acquire(caller, turn)
    if (admission instanceof Promise) {
      void admission.then((settled) => {
        caller.admission = settled
      })
    } else caller.admission = admission
    return caller
  }
  const leave = (caller: Asked): void => {
    caller.gone = true
    caller.onGone?.()
  }
  return { clock, left, pool, asked, acquire, leave, update: (route: Partial<Route>) => pool.update(routeTo(route)) }
}

export const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

export function leaseOf(caller: Asked | undefined): Lease {
  if (caller?.admission?.type !== 'lease') throw new Error(`no lease but ${caller?.admission?.type}`)
  return caller.admission.lease
}

export const replicaOf = (caller: Asked): RunningReplica => leaseOf(caller).replica
export const some = (count: number): RunningReplica[] => replicas.slice(0, count)
