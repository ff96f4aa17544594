import type { Clock } from '../shared/clock.ts'
import type { Refusal } from '../shared/headers.ts'

/** A request at the door: exactly one of the two is called, perhaps at once, unless it leaves first. */
export interface Visitor {
  admit(): void
  refuse(because: Refusal): void
}

/**
 * How long a request that finds no room may stand at the door. Several proxies do not know of each other's requests: if
 * a busy replica sent them away at once, the proxy whose request has just ended would always be the first to take the
 * place, and the others might try for ever.
 */
export const PATIENCE_MS = 50

interface Guest {
  readonly visitor: Visitor
  isIn: boolean
}

/** Decides which requests a replica takes, and in which order: the only one that counts all of them. */
export class Admission {
  #most: number
  readonly #clock: Clock
  /** At the door, in order of arrival, with what stops their patience. */
  readonly #standing = new Map<Guest, () => void>()
  /** A number, since a set of those that are in costs 2 µs a request. */
  #admitted = 0
  #drained: (() => void) | undefined

  constructor(maxOngoingRequests: number, clock: Clock) {
    this.#most = maxOngoingRequests
    this.#clock = clock
  }

  /** So many from now on; those that are in stay. */
  limit(maxOngoingRequests: number): void {
    this.#most = maxOngoingRequests
    this.#fill()
  }

  /** What is returned tells that the request has ended, in whatever way. */
  enter(visitor: Visitor): () => void {
    const guest = { visitor, isIn: false }
    if (this.#drained !== undefined) visitor.refuse('draining')
    else if (this.#admitted < this.#most) this.#admit(guest)
    else
      this.#standing.set(
        guest,
        this.#clock.after(PATIENCE_MS, () => this.#refuse(guest, 'busy')),
      )
    return () => this.#leave(guest)
  }

  /** Refuses all that comes and all that stands at the door; resolves when the last one admitted has left. */
  drain(): Promise<void> {
    return new Promise((resolve) => {
      this.#drained = resolve
      for (const guest of this.#standing.keys()) this.#refuse(guest, 'draining')
      if (this.#admitted === 0) resolve()
    })
  }

  #admit(guest: Guest): void {
    guest.isIn = true
    this.#admitted += 1
    guest.visitor.admit()
  }

  #refuse(guest: Guest, because: Refusal): void {
    this.#giveUp(guest)
    guest.visitor.refuse(because)
  }

  #giveUp(guest: Guest): void {
    this.#standing.get(guest)?.()
    this.#standing.delete(guest)
  }

  #fill(): void {
    for (const next of this.#standing.keys()) {
      if (this.#admitted >= this.#most) return
      this.#giveUp(next)
      this.#admit(next)
    }
  }

  #leave(guest: Guest): void {
    if (!guest.isIn) return this.#giveUp(guest)
    guest.isIn = false
    this.#admitted -= 1
    this.#fill()
    if (this.#admitted === 0) this.#drained?.()
  }
}
