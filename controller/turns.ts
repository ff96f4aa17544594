/** So many of the last turns are told of. */
const REMEMBERED = 100

export interface TurnsSeen {
  readonly count: number
  /** Unix time, in seconds; 0: there has been none. */
  readonly lastAtS: number
  /** Of the last ones. */
  readonly durationsMs: readonly number[]
}

/** How often the loop has turned, and how long that took. */
export class Turns {
  #count = 0
  #lastAtS = 0
  readonly #durationsMs: number[] = []

  note(durationMs: number, atS: number): void {
    this.#durationsMs[this.#count % REMEMBERED] = durationMs
    this.#count += 1
    this.#lastAtS = atS
  }

  seen(): TurnsSeen {
    return { count: this.#count, lastAtS: this.#lastAtS, durationsMs: [...this.#durationsMs] }
  }
}
