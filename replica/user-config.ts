import { ServeError } from '../shared/errors.ts'

/** The config that user code has been handed. */
export class UserConfig {
  /** Undefined: it has one that it has not finished with, or could not take, so nobody knows what it goes by. */
  #has: string | undefined
  #latest: object = {}

  constructor(config: unknown) {
    this.#has = JSON.stringify(config)
  }

  /**
   * Has `hand` hand over the config, unless user code has just this one. Rejects if it cannot take it, or if another one
   * has been handed over meanwhile: that is the one which counts, also if this one is through with later.
   */
  async give(config: unknown, hand: () => Promise<void>): Promise<void> {
    const text = JSON.stringify(config)
    const own = {}
    this.#latest = own
    if (text === this.#has) return
    this.#has = undefined
    await hand()
    if (this.#latest !== own) throw new ServeError('constructor_failed', 'a later config was handed over meanwhile')
    this.#has = text
  }
}
