import type { Socket } from 'node:net'
import { SERVICE_RESTART } from '../shared/leaving.ts'
import { ABNORMAL, closeFrame, FrameReader } from './close-frame.ts'

/** So often the kernel asks whether a silent client is still there; one that has vanished would never be forgotten. */
const PROBE_MS = 60_000

/**
 * A WebSocket between a client and a replica: the bytes of each go to the other as they are, and a peer that reads
 * slowly holds up the one that sends. Only the ends of frames are looked for.
 */
export class Tunnel {
  /** 1006 until one of the two has sent a Close frame. */
  #code = ABNORMAL
  readonly #client: Socket
  readonly #replica: Socket
  readonly #toClient: FrameReader
  readonly #toReplica: FrameReader

  constructor(client: Socket, replica: Socket) {
    const closed = (code: number): void => {
      if (this.#code === ABNORMAL) this.#code = code
    }
    this.#client = client
    this.#replica = replica
    this.#toClient = new FrameReader(closed)
    this.#toReplica = new FrameReader(closed)
  }

  /** The first that was sent, in whichever direction. */
  get code(): number {
    return this.#code
  }

  /** Sends what has already arrived from each side, and whatever follows; `ended` is called when one side is gone, and told which. */
  open(
    early: { readonly ofClient: Buffer; readonly ofReplica: Buffer },
    ended: (side: 'client' | 'replica') => void,
  ): void {
    const [client, replica] = [this.#client, this.#replica]
    client.setKeepAlive(true, PROBE_MS)
    replica.on('error', () => {})
    client.once('close', () => {
      replica.destroy()
      ended('client')
    })
    replica.once('close', () => {
      client.destroySoon()
      ended('replica')
    })
    pass(client, replica, this.#toReplica, early.ofClient)
    pass(replica, client, this.#toClient, early.ofReplica)
  }

  /** Closes the WebSocket in the name of each side to the other, as far as frames have ended; else it just breaks. */
  restart(): void {
    if (this.#code !== ABNORMAL) return
    this.#code = SERVICE_RESTART
    this.#client.unpipe(this.#replica)
    this.#replica.unpipe(this.#client)
    const [toClient, toReplica] = [this.#toClient, this.#toReplica]
    this.#client.end(toClient.isBetweenFrames ? closeFrame(SERVICE_RESTART, 'server') : '')
    this.#replica.end(toReplica.isBetweenFrames ? closeFrame(SERVICE_RESTART, 'client') : '')
    // What they answer is of no interest, but has to be read for their end to be seen.
    this.#client.resume()
    this.#replica.resume()
  }
}

function pass(from: Socket, to: Socket, reader: FrameReader, first: Buffer): void {
  reader.read(first)
  if (first.length > 0) to.write(first)
  from.on('data', (chunk: Buffer) => reader.read(chunk))
  from.pipe(to)
}
