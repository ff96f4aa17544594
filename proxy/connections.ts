import Client from 'undici/lib/dispatcher/client.js'

/** Well below the time after which replicas close idle connections, so that the proxy is the one that does it. */
const IDLE_MS = 60_000

/** Deadlines are the proxy's own: an answer may take any time. Nothing is sent before the answer to what was sent before. */
const OPTIONS = {
  headersTimeout: 0,
  bodyTimeout: 0,
  keepAliveTimeout: IDLE_MS,
  keepAliveMaxTimeout: IDLE_MS,
  pipelining: 1,
}

/**
 * The connections to one replica, each an undici client of its own: a Pool of undici looks for a free one among all,
 * and queues. The one that was used last goes first, so that those of a peak fall idle and are closed.
 */
export class Connections {
  readonly #address: string
  readonly #idle: Client[] = []
  readonly #all = new Set<Client>()
  #isClosed = false

  constructor(address: string) {
    this.#address = address
  }

  /** For one request. To be given back, or discarded. */
  take(): Client {
    return this.#idle.pop() ?? this.#open()
  }

  giveBack(client: Client): void {
    if (this.#isClosed) this.discard(client)
    else this.#idle.push(client)
  }

  discard(client: Client): void {
    if (this.#all.delete(client)) void client.destroy()
  }

  /** What is still ongoing is broken off. */
  close(): void {
    this.#isClosed = true
    this.#idle.length = 0
    for (const client of this.#all) this.discard(client)
  }

  #open(): Client {
    const client = new Client('http://localhost', { ...OPTIONS, socketPath: this.#address })
    this.#all.add(client)
    client.on('disconnect', () => {
      const at = this.#idle.indexOf(client)
      if (at < 0) return
      this.#idle.splice(at, 1)
      this.discard(client)
    })
    return client
  }
}
