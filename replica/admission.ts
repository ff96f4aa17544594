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

/** Decides which requests a replica takes, and in which order: the only one that counts all of them. */
export class Admission {
  #most: number
  readonly #clock: Clock
  /** At the door, in order of arrival, with what stops their patience. */
  readonly #standing = new Map<Visitor, () => void>()
  readonly #admitted = new Set<Visitor>()
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
    if (this.#drained !== undefined) visitor.refuse('draining')
    else if (this.#admitted.size < this.#most) this.#admit(visitor)
    else
      this.#standing.set(
        visitor,
        this.#clock.after(PATIENCE_MS, () => this.#refuse(visitor, 'busy')),
      )
    return () => this.#leave(visitor)
  }

  /** Refuses all that comes and all that stands at the door; resolves when the last one admitted has left. */
  drain(): Promise<void> {
    return new Promise((resolve) => {
      this.#drained = resolve
      for (const visitor of this.#standing.keys()) this.#refuse(visitor, 'draining')
      if (this.#admitted.size === 0) resolve()
    })
  }

  #admit(visitor: Visitor): void {
    this.#admitted.add(visitor)
    visitor.admit()
  }

  #refuse(visitor: Visitor, because: Refusal): void {
    this.#giveUp(visitor)
    visitor.refuse(because)
  }

  #giveUp(visitor: Visitor): void {
    this.#standing.get(visitor)?.()
    this.#standing.delete(visitor)
  }

  #fill(): void {
    for (const next of this.#standing.keys()) {
      if (this.#admitted.size >= this.#most) return
      this.#giveUp(next)
      this.#admit(next)
    }
  }

  #leave(visitor: Visitor): void {
    this.#giveUp(visitor)
    if (!this.#admitted.delete(visitor)) return
    this.#fill()
    if (this.#admitted.size === 0) this.#drained?.()
  }
}
