import { createConnection, type Socket } from 'node:net'
import type { Clock } from '../shared/clock.ts'
import type { Outbox, Parcel } from '../shared/outbox.ts'
import { AnswerParser, type Receiver as AnswerReceiver } from './answer-parser.ts'
import type { Sent, SystemError } from './outcome.ts'
import { type MemoryPool, ReadMemory } from './read-memory.ts'
import type { Upload } from './upload.ts'

/** Who asked: is told first what is answered, and at last either that it is complete or that the connection failed. */
export interface Receiver extends AnswerReceiver {
  /** All that was here has been read, and the answer is not complete. */
  waiting(): void
  /** The connection is gone, or made no sense, before the answer was complete. */
  failed(error: SystemError, sent: Sent): void
}

/** A request as it goes over the wire. */
export interface Sending {
  /** Up to before the line that frames the body, if there is one, and the empty line. */
  readonly head: string
  readonly upload: Upload
}

/** What a connection needs of others. */
export interface Surroundings {
  readonly clock: Clock
  readonly outbox: Outbox
  readonly memory: MemoryPool
}

/** To whom a connection belongs. */
export interface Owner {
  /** It can carry another request. */
  free(connection: Connection): void
  gone(connection: Connection): void
}

/** As much as a Unix socket takes from one write and gives to one read, with room for the head. */
const ONE_WRITE_BYTES = 16 * 1024

/** A body up to this is cheaper as text behind the head, in one string with it, than as a buffer of its own. */
export const TEXT_BYTES = 8 * 1024

/** For so long a head waits for the first piece of its body, to leave in one write with it. */
const HEAD_WAIT_MS = 10

/** A connection to a replica: one request after the other, each when the one before is answered. */
export class Connection implements Parcel {
  readonly #socket: Socket
  readonly #owner: Owner
  readonly #surroundings: Surroundings
  readonly #memory: ReadMemory
  #receiver: Receiver | undefined
  #parser: AnswerParser | undefined
  #upload: Upload | undefined
  /** A request that is all here, on its way to be written. */
  #whole: { readonly head: string; readonly body: Buffer | undefined } | undefined
  #error: SystemError | undefined
  #stopWaiting: (() => void) | undefined
  #isSent = false
  #isPaused = false
  #writes = 0
  #bytes = 0

  constructor(path: string, owner: Owner, surroundings: Surroundings) {
    this.#owner = owner
    this.#surroundings = surroundings
    this.#memory = new ReadMemory(surroundings.memory)
    this.#socket = createConnection({
      path,
      onread: { buffer: () => this.#memory.next(), callback: (length) => this.#read(length) },
    })
    this.#socket.on('error', (error) => {
      this.#error ??= error
    })
    this.#socket.on('end', () => this.#ended())
    this.#socket.on('close', () => this.#closed())
    this.#socket.on('drain', () => this.#upload?.resume())
  }

  send({ head, upload }: Sending, receiver: Receiver): void {
    this.#receiver = receiver
    this.#parser = new AnswerParser(receiver)
    this.#writes = 0
    this.#bytes = 0
    const body = upload.open()
    this.#isSent = body !== 'stream'
    if (body === 'stream') return this.#stream(head, upload)
    const length = body !== null && upload.framing === 'chunked' ? `content-length: ${body.length}\r\n` : ''
    this.#whole = { head: `${head}${length}\r\n`, body: body ?? undefined }
    this.#surroundings.outbox.put(this)
  }

  post(): void {
    const whole = this.#whole
    this.#whole = undefined
    if (whole !== undefined) this.#write(whole.head, whole.body)
  }

  /** The receiver wants nothing more, and is told nothing more. */
  abort(): void {
    this.#receiver = undefined
    this.#upload = undefined
    this.#whole = undefined
    this.#stopWaiting?.()
    this.#socket.destroy()
  }

  /** Whatever is ongoing fails. */
  close(): void {
    this.#fail({ message: 'no request goes to the replica any more' })
  }

  /** What the body was lent in lasts no longer than the read. */
  get isLentBriefly(): boolean {
    return this.#memory.isShared
  }

  /** What the body was lent in is in use until later. */
  keep(): void {
    this.#memory.keep()
  }

  /** Reads no more, so that the replica is held up, until `resume`. */
  pause(): void {
    this.#isPaused = true
    this.#socket.pause()
  }

  resume(): void {
    this.#isPaused = false
    this.#socket.resume()
  }

  /**
   * Head and first piece of the body leave in one write, so that a replica that dies has read both or nothing. The head
   * of a body that does not come goes ahead: the replica may answer, or refuse, before it.
   */
  #stream(head: string, upload: Upload): void {
    const isChunked = upload.framing === 'chunked'
    let waiting = `${head}${isChunked ? 'transfer-encoding: chunked\r\n' : ''}\r\n`
    const takeHead = (): string => {
      const taken = waiting
      waiting = ''
      return taken
    }
    this.#stopWaiting = this.#surroundings.clock.after(HEAD_WAIT_MS, () => this.#write(takeHead()))
    this.#upload = upload
    upload.flow({
      push: (chunk) => {
        this.#stopWaiting?.()
        if (!isChunked) return this.#write(takeHead(), chunk)
        return this.#write(`${takeHead()}${chunk.length.toString(16)}\r\n`, chunk, '\r\n')
      },
      end: () => {
        this.#stopWaiting?.()
        this.#isSent = true
        this.#upload = undefined
        const rest = takeHead() + (isChunked ? '0\r\n\r\n' : '')
        if (rest !== '') this.#write(rest)
      },
    })
  }

  /** @returns false if it takes its time, and `drain` will say when it has left */
  #write(head: string, body?: Buffer, tail = ''): boolean {
    this.#writes += 1
    if (body === undefined) return this.#socket.write(head, 'latin1')
    this.#bytes += body.length
    if (body.length <= TEXT_BYTES) return this.#socket.write(head + body.toString('latin1') + tail, 'latin1')
    this.#socket.cork()
    if (head !== '') this.#socket.write(head, 'latin1')
    const isTaken = this.#socket.write(body)
    if (tail !== '') this.#socket.write(tail, 'latin1')
    this.#socket.uncork()
    return isTaken
  }

  /** @returns whether to go on reading, by Node's convention for `onread` */
  #read(length: number): boolean {
    const [parser, receiver] = [this.#parser, this.#receiver]
    // What nobody asked for would be taken for the answer to the next request.
    if (parser === undefined || receiver === undefined) this.#leave()
    else {
      const fault = parser.read(this.#memory.current.subarray(0, length))
      // A receiver that is not interested any more has destroyed the connection.
      if (this.#receiver !== receiver) return true
      if (parser.isComplete) this.#complete(parser, fault)
      else if (fault === undefined) this.#goOn(receiver, length)
      else this.#fail({ message: fault })
    }
    return true
  }

  get #sent(): Sent {
    if (this.#writes === 0) return 'nothing'
    return this.#writes === 1 && this.#bytes <= ONE_WRITE_BYTES ? 'in one write' : 'in parts'
  }

  #goOn(receiver: Receiver, length: number): void {
    this.#memory.goesOn(length)
    receiver.waiting()
  }

  #complete(parser: AnswerParser, fault: string | undefined): void {
    this.#receiver = undefined
    this.#parser = undefined
    this.#memory.release()
    // The next request would stand behind what the replica has not taken, and perhaps never will.
    const isEmpty = this.#isSent && this.#socket.writableLength === 0
    if (fault === undefined && parser.isReusable && isEmpty && this.#error === undefined) {
      if (this.#isPaused) this.resume()
      this.#owner.free(this)
    } else this.abort()
  }

  #ended(): void {
    const parser = this.#parser
    // At once: until it is closed, which takes its time, somebody could be given it.
    if (parser === undefined) return this.#leave()
    const fault = parser.close()
    if (fault === undefined) this.#complete(parser, undefined)
    else this.#fail({ message: fault })
  }

  #leave(): void {
    this.#owner.gone(this)
    this.abort()
  }

  #closed(): void {
    this.#owner.gone(this)
    this.#fail(this.#error ?? { message: 'the connection was closed' })
  }

  #fail(error: SystemError): void {
    const receiver = this.#receiver
    this.abort()
    receiver?.failed(error, this.#sent)
  }
}
