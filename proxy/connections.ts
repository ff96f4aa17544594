import { createConnection, type Socket } from 'node:net'
import Client, { type Connector } from 'undici/lib/dispatcher/client.js'

/** Well below the time after which replicas close idle connections, so that the proxy is the one that does it. */
const IDLE_MS = 60_000

/** As much as libuv reads at once. */
const READ_BYTES = 64 * 1024

/** Of an answer; more is no answer that makes sense. */
const MAX_HEAD_BYTES = 64 * 1024

/** What ECONNRESET is called on its way through undici: see `disarm`. */
export const RESET = 'RESET'

/** Deadlines are the proxy's own: an answer may take any time. Nothing is sent before the answer to what was sent before. */
const OPTIONS = {
  headersTimeout: 0,
  maxHeaderSize: MAX_HEAD_BYTES,
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
  readonly #connect: Connector
  readonly #idle: Client[] = []
  readonly #all = new Set<Client>()
  #isClosed = false

  constructor(address: string) {
    this.#connect = connector(address)
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
    const client = new Client('http://localhost', { ...OPTIONS, connect: this.#connect })
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

function connector(path: string): Connector {
  const options = { path, highWaterMark: READ_BYTES }
  return (_, done) => {
    const socket = createConnection(options)
    const failed = (error: Error): void => done(error, null)
    socket.once('error', failed)
    socket.once('connect', () => {
      socket.off('error', failed)
      disarm(socket)
      done(null, socket)
    })
  }
}

/**
 * At ECONNRESET undici 7.30.2 takes an answer that ends with its connection for complete, and if its reader was slow at
 * that moment, an assertion of its parser fails and the process ends. By another name it is an error like any other.
 */
function disarm(socket: Socket): void {
  socket.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'ECONNRESET') error.code = RESET
  })
}
