import type { Clock } from '../shared/clock.ts'
import type { Random, ReplicaId } from '../shared/ids.ts'
import type { Route, RunningReplica } from '../shared/protocol.ts'
import { pick } from './pick.ts'

/**
 * The client, as far as waiting for something on its behalf goes. An AbortSignal with room for one listener: making a
 * real one costs 7 µs a request on Node 20 (measured), as much as the rest of the proxy's own work.
 */
export interface Caller {
  readonly gone: boolean
  /** Called once, when the client has left. Whoever waits sets it, and clears it when the waiting is over. */
  onGone: (() => void) | undefined
}

/** What the use of a lease said about the replica. */
export type Verdict = 'answered' | 'unreachable' | 'unknown'

/** The right to send one request to one replica. */
export interface Lease {
  readonly replica: RunningReplica
  /** Where the request stands among all of its deployment: to be given to `acquire` when it needs another replica. */
  readonly turn: number
  /** The place is free again, whatever became of the request. Only the first call counts. */
  release(verdict: Verdict): void
}

export type Admission =
  | { readonly type: 'lease'; readonly lease: Lease }
  /** As many requests are waiting as may wait. */
  | { readonly type: 'full'; readonly queued: number }
  /** The deployment has given up and has no replica. */
  | { readonly type: 'failed' }
  /** The route has been taken away. */
  | { readonly type: 'removed' }
  | { readonly type: 'gone' }

interface Place {
  readonly replica: RunningReplica
  ongoing: number
  /** In the current table. One that has left it is remembered while requests are ongoing, should it come back. */
  listed: boolean
  /** Failed a moment ago, and not to be chosen before this has been called or its time has come. */
  comeBack: (() => void) | undefined
  failuresInARow: number
}

interface Waiter {
  readonly turn: number
  settle(admission: Admission): void
}

/** A replica that cannot be reached is left alone this long, doubled with every further failure up to the maximum. */
const ASIDE_MS = 25
const MAX_ASIDE_MS = 1000

export interface PoolOptions {
  readonly clock: Clock
  readonly random: Random
  /** Hears of each replica that is no longer in the table and whose last request is done. */
  left(replica: RunningReplica): void
}

/** The replicas of one deployment and the requests that wait for them, in order of arrival. */
export class Pool {
  readonly #options: PoolOptions
  readonly #places = new Map<ReplicaId, Place>()
  readonly #waiting: Waiter[] = []
  #listed: readonly Place[] = []
  #route: Route | undefined
  #turns = 0

  constructor(options: PoolOptions) {
    this.#options = options
  }

  get ongoing(): number {
    return [...this.#places.values()].reduce((sum, { ongoing }) => sum + ongoing, 0)
  }

  get queued(): number {
    return this.#waiting.length
  }

  /** Puts the deployment's newest entry of the endpoint table in force; undefined: it has none any more. */
  update(route: Route | undefined): void {
    this.#route = route
    const before = this.#listed
    for (const place of before) place.listed = false
    this.#listed = (route?.replicas ?? []).map((replica) => this.#enlist(replica))
    for (const place of before) if (!place.listed) this.#forgetIfIdle(place)
    this.#serve()
  }

  /**
   * A lease now if there is room, otherwise when it is the request's turn. `turn` is that of the request's lease before:
   * it has been admitted already, so it goes back to where it stood and is never turned away for a long queue.
   */
  acquire(caller: Caller, turn?: number): Admission | Promise<Admission> {
    if (caller.gone) return { type: 'gone' }
    const mine = turn ?? this.#turns++
    const at = this.#waiting.findLastIndex((waiter) => waiter.turn < mine) + 1
    const admission = this.#refusal() ?? (at === 0 ? this.#grant(mine) : undefined)
    if (admission !== undefined) return admission
    if (turn === undefined && this.#isFull()) return { type: 'full', queued: this.#waiting.length }
    return new Promise((resolve) => {
      const settle = (settled: Admission): void => {
        caller.onGone = undefined
        resolve(settled)
      }
      const waiter = { turn: mine, settle }
      this.#waiting.splice(at, 0, waiter)
      caller.onGone = () => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1)
        settle({ type: 'gone' })
      }
    })
  }

  #serve(): void {
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      const admission = this.#refusal() ?? this.#grant(first.turn)
      if (admission === undefined) return
      this.#waiting.shift()
      first.settle(admission)
    }
  }

  #refusal(): Admission | undefined {
    if (this.#route === undefined) return { type: 'removed' }
    return this.#route.failed && this.#listed.length === 0 ? { type: 'failed' } : undefined
  }

  #isFull(): boolean {
    const most = this.#route?.maxQueuedRequests ?? -1
    return most >= 0 && this.#waiting.length >= most
  }

  #grant(turn: number): Admission | undefined {
    const most = this.#route?.maxOngoingRequests ?? 0
    const free = this.#listed.filter(({ ongoing, comeBack }) => ongoing < most && comeBack === undefined)
    const place = pick(free, this.#options.random)
    if (place === undefined) return undefined
    place.ongoing += 1
    let isHeld = true
    const release = (verdict: Verdict): void => {
      if (!isHeld) return
      isHeld = false
      this.#release(place, verdict)
    }
    return { type: 'lease', lease: { replica: place.replica, turn, release } }
  }

  #release(place: Place, verdict: Verdict): void {
    place.ongoing -= 1
    if (verdict === 'answered') place.failuresInARow = 0
    if (verdict === 'unreachable') this.#putAside(place)
    this.#forgetIfIdle(place)
    this.#serve()
  }

  /** Requests that fail together are one failure. */
  #putAside(place: Place): void {
    if (!place.listed || place.comeBack !== undefined) return
    const cancel = this.#options.clock.after(Math.min(ASIDE_MS * 2 ** place.failuresInARow, MAX_ASIDE_MS), () => {
      place.comeBack = undefined
      this.#serve()
    })
    place.comeBack = cancel
    place.failuresInARow += 1
  }

  #enlist(replica: RunningReplica): Place {
    const known = this.#places.get(replica.id)
    const place = known ?? { replica, ongoing: 0, listed: true, comeBack: undefined, failuresInARow: 0 }
    place.listed = true
    this.#places.set(replica.id, place)
    return place
  }

  #forgetIfIdle(place: Place): void {
    if (place.listed) return
    place.comeBack?.()
    place.comeBack = undefined
    if (place.ongoing > 0 || !this.#places.delete(place.replica.id)) return
    this.#options.left(place.replica)
  }
}
