/** Something that is ready to be written to a socket. */
export interface Parcel {
  /** Writes it, unless there is no use for it any more. */
  post(): void
}

/**
 * Holds back what is to be written until everything has been dealt with that arrived at the same time: to the end of the
 * turn of the event loop. Whoever reads is woken once for several parcels, and waking is the dear part of a write to a
 * socket on the same machine. Where only one arrives at a time nothing is held back for longer than the call takes.
 */
export class Outbox {
  #parcels: Parcel[] = []
  readonly #post = (): void => {
    const parcels = this.#parcels
    this.#parcels = []
    for (const parcel of parcels) parcel.post()
  }

  put(parcel: Parcel): void {
    if (this.#parcels.push(parcel) === 1) setImmediate(this.#post)
  }
}
