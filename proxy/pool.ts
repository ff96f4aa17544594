import type { Clock, Instant } from '../shared/clock.ts'
import type { Random, ReplicaId } from '../shared/ids.ts'
import type { Route, RunningReplica } from '../shared/protocol.ts'
import { RetryBudget } from './budget.ts'
import { estimateMs, unknownLatency } from './cost.ts'
import type { Outcome } from './outcome.ts'
import { type Criteria, pick } from './pick.ts'
import * as places from './place.ts'
import { type Caller, type ProxyShare, Queue, shareOfLimit, type Turn } from './queue.ts'
import { record } from './record.ts'

export type { Caller } from './queue.ts'

/** The right to send one request to one replica. */
export interface Lease {
  readonly replica: RunningReplica
  /** To be given to `acquire` when the request needs another replica. */
  readonly turn: Turn
  /** The place is free again, whatever became of the request. Only the first call counts. */
  release(outcome: Outcome): void
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

export interface PoolOptions {
  readonly clock: Clock
  readonly random: Random
  readonly proxy: ProxyShare
  /** Hears of each replica that is no longer in the table and whose last request is done. */
  left(replica: RunningReplica): void
}

/** The replicas of one deployment and the requests that wait for them. */
export class Pool {
  readonly retries: RetryBudget
  readonly #options: PoolOptions
  readonly #places = new Map<ReplicaId, places.Place>()
  readonly #queue = new Queue<Admission>({ type: 'gone' }, () => this.#setAlarm())
  readonly #typical = unknownLatency()
  #listed: readonly places.Place[] = []
  #route: Route | undefined
  #turns = 0
  #ongoing = 0
  #alarm: { readonly at: Instant; readonly cancel: () => void } | undefined
  /** When the last event was: a request, an outcome, a table, the alarm. */
  #now: Instant = 0
  readonly #good: Criteria<places.Place> = {
    isOpen: (place) => this.#hasRoom(place) && !places.isEjected(place, this.#now),
    costOf: (place) => this.#costOf(place),
  }
  readonly #any: Criteria<places.Place> = { isOpen: (place) => this.#hasRoom(place), costOf: this.#good.costOf }

  constructor(options: PoolOptions) {
    this.#options = options
    this.retries = new RetryBudget(options.clock)
  }

  get ongoing(): number {
    return this.#ongoing
  }

  get queued(): number {
    return this.#queue.length
  }

  /** Puts the deployment's newest entry of the endpoint table in force; undefined: it has none any more. */
  update(route: Route | undefined): void {
    this.#route = route
    const before = this.#listed
    for (const place of before) place.listed = false
    this.#listed = (route?.replicas ?? []).map((replica) => this.#enlist(replica))
    for (const place of before) this.#forgetIfIdle(place)
    this.#serve()
  }

  /** A lease now if there is room, otherwise when it is the request's turn: `turn` is that of its lease before. */
  acquire(caller: Caller, turn?: Turn): Admission | Promise<Admission> {
    if (caller.gone) return { type: 'gone' }
    this.#now = this.#options.clock.now()
    const mine = turn ?? this.#newTurn()
    const admission = this.#refusal() ?? (this.#queue.isFirst(mine) ? this.#grant(mine) : undefined)
    if (admission !== undefined) return admission
    const full = mine.isAdmitted ? undefined : this.#full()
    if (full !== undefined) return full
    mine.isAdmitted = true
    const waiting = this.#queue.wait(mine, caller)
    if (this.#queue.length === 1) this.#setAlarm()
    return waiting
  }

  #newTurn(): Turn {
    this.retries.countRequest(this.#now)
    this.#turns += 1
    return { order: this.#turns, isAdmitted: false }
  }

  #serve(): void {
    this.#now = this.#options.clock.now()
    for (let { first } = this.#queue; first !== undefined; { first } = this.#queue) {
      const admission = this.#refusal() ?? this.#grant(first)
      if (admission === undefined) break
      this.#queue.settleFirst(admission)
    }
    this.#setAlarm()
  }

  /** Wakes those that wait when time alone makes room for them. */
  #setAlarm(): void {
    const { clock } = this.#options
    const at = this.#queue.length === 0 ? Number.POSITIVE_INFINITY : this.#nextOpening(clock.now())
    if (at === (this.#alarm?.at ?? Number.POSITIVE_INFINITY)) return
    this.#alarm?.cancel()
    this.#alarm = undefined
    if (at === Number.POSITIVE_INFINITY) return
    const cancel = clock.after(at - clock.now(), () => {
      this.#alarm = undefined
      this.#serve()
    })
    this.#alarm = { at, cancel }
  }

  #nextOpening(now: Instant): Instant {
    const most = this.#route?.maxOngoingRequests ?? 0
    return this.#listed.reduce((at, place) => Math.min(at, places.opensAt(place, most, now)), Number.POSITIVE_INFINITY)
  }

  #refusal(): Admission | undefined {
    if (this.#route === undefined) return { type: 'removed' }
    return this.#route.failed && this.#listed.length === 0 ? { type: 'failed' } : undefined
  }

  /** The limit holds for all proxies together: what is told is how many wait if the others' shares are used up too. */
  #full(): Admission | undefined {
    const limit = this.#route?.maxQueuedRequests ?? -1
    const mine = shareOfLimit(limit, this.#options.proxy)
    const queued = this.#queue.length
    return mine >= 0 && queued >= mine ? { type: 'full', queued: queued + limit - mine } : undefined
  }

  #grant(turn: Turn): Admission | undefined {
    const place = this.#choose()
    if (place === undefined) return undefined
    place.ongoing += 1
    this.#ongoing += 1
    let isHeld = true
    const release = (outcome: Outcome): void => {
      if (!isHeld) return
      isHeld = false
      // Sent back by a busy replica it has not waited yet, and is subject to the limit of those that do.
      if (outcome.type !== 'busy') turn.isAdmitted = true
      this.#release(place, outcome)
    }
    return { type: 'lease', lease: { replica: place.replica, turn, release } }
  }

  /** Those that are ejected only if all others are ejected too, or cannot be reached. */
  #choose(): places.Place | undefined {
    const { random } = this.#options
    const good = pick(this.#listed, random, this.#good)
    if (good !== undefined) return good
    const isHopeless = this.#listed.every((place) => this.#isOut(place))
    return isHopeless ? pick(this.#listed, random, this.#any) : undefined
  }

  #isOut(place: places.Place): boolean {
    return places.isEjected(place, this.#now) || places.isResting(place, this.#now)
  }

  #hasRoom(place: places.Place): boolean {
    const most = this.#route?.maxOngoingRequests ?? 0
    return place.ongoing < places.allowance(place, most, this.#now) && !places.isResting(place, this.#now)
  }

  #costOf(place: places.Place): number {
    const share = places.shareOf(place, this.#now)
    if (share < 1 && this.#options.random() >= share) return Number.POSITIVE_INFINITY
    return (place.ongoing + 1) * estimateMs(place.latency, this.#typical.ms, this.#now)
  }

  #release(place: places.Place, outcome: Outcome): void {
    place.ongoing -= 1
    this.#ongoing -= 1
    record(place, outcome, { listed: this.#listed, typical: this.#typical }, this.#options.clock.now())
    this.#forgetIfIdle(place)
    if (this.#queue.length > 0) this.#serve()
  }

  #enlist(replica: RunningReplica): places.Place {
    const place = this.#places.get(replica.id) ?? places.newPlace(replica)
    place.listed = true
    this.#places.set(replica.id, place)
    return place
  }

  #forgetIfIdle(place: places.Place): void {
    if (place.listed || place.ongoing > 0 || !this.#places.delete(place.replica.id)) return
    this.#options.left(place.replica)
  }
}
