import type { EndpointTable, Route } from '../shared/protocol.ts'

/** The endpoint table that is in force, or is about to be. */
export class Table {
  readonly #publish: (table: EndpointTable) => Promise<void>
  #table: EndpointTable
  #isPublished = true

  /** Tables have greater versions than `version`; one controller's exceed those of the one before it. */
  constructor(version: number, publish: (table: EndpointTable) => Promise<void>) {
    this.#table = { version, routes: [] }
    this.#publish = publish
  }

  get current(): EndpointTable {
    return this.#table
  }

  /** A proxy has this one, of a controller before, whose clock was ahead of ours. */
  exceed(version: number): void {
    if (version <= this.#table.version) return
    this.#table = { ...this.#table, version }
    this.#isPublished = false
  }

  /** Nobody has it yet. */
  renew(): void {
    this.#isPublished = false
  }

  /** Publishes these routes if they are others than before, or nobody has them yet; settles when they are in force. */
  put(routes: readonly Route[]): Promise<void> {
    const isSame = JSON.stringify(routes) === JSON.stringify(this.#table.routes)
    if (isSame && this.#isPublished) return Promise.resolve()
    this.#isPublished = true
    this.#table = { version: this.#table.version + 1, routes }
    return this.#publish(this.#table)
  }
}
