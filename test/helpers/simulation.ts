import type { Outcome } from '../../proxy/outcome.ts'
import { Pool } from '../../proxy/pool.ts'
import { newReplicaId } from '../../shared/ids.ts'
import { routeTo } from './route.ts'

/** What a replica does with a request that arrives at `nowMs`. */
export type Behaviour = (nowMs: number, random: () => number) => { readonly headMs: number; readonly status?: number }

export interface Done {
  readonly at: number
  readonly replica: number
  readonly latencyMs: number
  readonly status: number
}

export interface Load {
  readonly untilMs: number
  /** Requests a second, at random distances, or as many clients that ask again as soon as they are answered. */
  readonly rate?: number
  readonly clients?: number
  readonly seed?: number
}

/** A pool and its replicas in simulated time, from a seed: the same every time. `choose` replaces the pool's choice. */
export function simulate(behaviours: readonly Behaviour[], load: Load, choose?: (nth: number) => number): Done[] {
  const random = mulberry32(load.seed ?? 1)
  const events: { at: number; run: () => void }[] = []
  let now = 0
  const at = (time: number, run: () => void): (() => void) => {
    const event = { at: time, run }
    const behind = events.findLastIndex((other) => other.at <= time)
    events.splice(behind + 1, 0, event)
    return () => void events.splice(events.indexOf(event), 1)
  }
  const clock = { now: () => now, after: (delayMs: number, run: () => void) => at(now + delayMs, run) }
  const pool = new Pool({ clock, random, proxy: { index: 0, count: 1 }, left: () => {} })
  const replicas = behaviours.map((_, n) => ({ id: newReplicaId(mulberry32(n)), address: String(n) }))
  pool.update(routeTo({ replicas, maxOngoingRequests: 10_000 }))
  const done: Done[] = []
  const request = (then: () => void): void => {
    const admission = pool.acquire({ gone: false, onGone: undefined })
    if (admission instanceof Promise || admission.type !== 'lease') throw new Error('there is always room')
    const replica = choose === undefined ? Number(admission.lease.replica.address) : choose(done.length)
    const { headMs, status = 200 } = behaviours[replica]?.(now, random) ?? { headMs: 0 }
    at(now + headMs, () => {
      admission.lease.release({ type: 'answered', status, headMs } satisfies Outcome)
      done.push({ at: now, replica, latencyMs: headMs, status })
      then()
    })
  }
  const client = (): void => (now < load.untilMs ? request(client) : undefined)
  for (let n = 0; n < (load.clients ?? 0); n += 1) at(n / 10, client)
  const arrive = (): void => {
    request(() => {})
    const gapMs = (-Math.log(1 - random()) * 1000) / (load.rate ?? 1)
    if (now + gapMs < load.untilMs) at(now + gapMs, arrive)
  }
  if (load.rate !== undefined) at(0, arrive)
  for (let next = events.shift(); next !== undefined; next = events.shift()) {
    now = next.at
    next.run()
  }
  return done
}

/** A replica with one thread, on which requests follow each other. */
export function oneThread(serviceMs: (random: () => number) => number): Behaviour {
  let freeAt = 0
  return (now, random) => {
    freeAt = Math.max(freeAt, now) + serviceMs(random)
    return { headMs: freeAt - now }
  }
}

export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? 0
}

export const shareOf = (done: readonly Done[], replica: number): number =>
  done.filter((one) => one.replica === replica).length / Math.max(1, done.length)

/** A small generator of random numbers with a seed. */
export function mulberry32(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}
