import type { Socket } from 'node:net'
import { IPCProtocolError } from 'node-ipc'
import { AnswerMemory, answerTo } from '../shared/answers.ts'
import type { Clock } from '../shared/clock.ts'
import { messageOf, report, ServeError } from '../shared/errors.ts'
import {
  type Frame,
  type HelloFrame,
  oneLine,
  type RequestFrame,
  readFrame,
  versionMismatch,
} from '../shared/frames.ts'
import { EVENT, isOrdinary, isSent, newIpc, sendAnswer, sendWaiting } from '../shared/ipc.ts'
import type { Hello } from '../shared/protocol.ts'
import { OpenRequests } from '../shared/requests.ts'
import { checkSocketPath, clearSocketPath } from '../shared/socket-path.ts'

/** One process that has dialled and said hello. After a reconnect it is another peer. */
export interface Peer {
  readonly hello: Hello
  /** Sends, and resolves with the answer. Rejects with `channel_closed` when the peer leaves first: nothing is sent twice. */
  request(message: unknown, options: { timeoutMs: number }): Promise<unknown>
  /** Hangs up; `disconnected` follows. A peer that is alive dials again. */
  close(): void
}

export interface ChannelServer {
  /** Hangs up on everybody without further calls of `disconnected`, and leaves no socket file. */
  close(): Promise<void>
}

export interface ServeChannelOptions {
  /** At most 107 bytes. A dead server's socket file is replaced, a live one's is refused. */
  readonly path: string
  /** Of our package, for the text that refuses another one. */
  readonly version: string
  readonly clock: Clock
  /** Throws to refuse. */
  acceptHello(raw: unknown): Hello
  connected(peer: Peer): void
  /** Once for every `connected`. */
  disconnected(peer: Peer): void
  /**
   * What it returns is the answer, what it throws becomes an error at the one who asked. A request that comes again
   * after a reconnect does not get here twice.
   */
  receive(peer: Peer, message: unknown): unknown
  /** One line for the log: garbage, refused hellos, defects of the functions above. */
  problem(text: string): void
}

/** Serves the control channel until closed. Rejects with `path_too_long` or `session_unusable`. */
export async function serveChannel(options: ServeChannelOptions): Promise<ChannelServer> {
  checkSocketPath(options.path)
  await clearSocketPath(options.path, options.clock)
  const server = new Server(options)
  await server.listen()
  return server
}

interface Connection {
  readonly socket: Socket
  /** Undefined until it has said hello. */
  greeted?: Greeted
}

interface Greeted {
  readonly instance: string
  readonly peer: Peer
  readonly requests: OpenRequests
}

class Server implements ChannelServer {
  readonly #options: ServeChannelOptions
  readonly #ipc = newIpc()
  readonly #connections = new Map<Socket, Connection>()
  readonly #memory = new AnswerMemory()
  #closed: Promise<void> | undefined

  constructor(options: ServeChannelOptions) {
    this.#options = options
  }

  listen(): Promise<void> {
    const { path } = this.#options
    return new Promise((resolve, reject) => {
      this.#ipc.serve(path, resolve)
      const { server } = this.#ipc
      server.on('connect', (socket) => this.#connections.set(socket, { socket }))
      server.on('*', (event, data, socket) => {
        if (isSent(event)) this.#guard('a message', () => this.#receive(event, data, socket))
      })
      server.on('close', (socket) => this.#forget(this.#connections.get(socket)))
      server.on('error', (error) => {
        if (server.server.listening) return this.#failed(error)
        reject(new ServeError('session_unusable', `cannot serve ${path}: ${messageOf(error)}`, { cause: error }))
      })
      server.start()
    })
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    // One turn of the loop for the answers that have just been decided, such as the one that says that all is shut down.
    await new Promise<void>((resolve) => this.#options.clock.after(0, resolve))
    const { server } = this.#ipc
    await new Promise((resolve) => {
      server.server.once('close', resolve)
      server.stop()
    })
  }

  #receive(event: string, data: unknown, socket: Socket): void {
    const connection = this.#connections.get(socket)
    // node-ipc delivers the rest of a chunk even after its socket was destroyed.
    if (connection === undefined || socket.destroyed || this.#closed) return
    const frame = event === EVENT ? readFrame(data) : undefined
    const { greeted } = connection
    if (greeted === undefined && frame?.kind === 'hello') this.#admit(connection, frame)
    else if (greeted !== undefined && frame?.kind === 'request') void this.#answer(socket, greeted, frame)
    else if (greeted !== undefined && (frame?.kind === 'answer' || frame?.kind === 'failure')) {
      greeted.requests.settle(frame)
      this.#flush(socket, greeted.requests)
    } else if (frame === undefined) this.#cutOff(connection, `sent a '${event}' that is malformed`)
    else this.#cutOff(connection, `sent a ${frame.kind} ${greeted === undefined ? 'before its hello' : 'out of turn'}`)
  }

  #admit(connection: Connection, { instance, hello }: HelloFrame): void {
    const accepted = this.#accept(hello)
    if (accepted instanceof ServeError) {
      this.#problem(`refused a hello: ${accepted.message}`)
      this.#send(connection.socket, { kind: 'refusal', error: report(accepted) })
      this.#connections.delete(connection.socket)
      connection.socket.destroySoon()
      return
    }
    // Its new connection may be seen before the end of its old one.
    for (const old of this.#connections.values()) if (old.greeted?.instance === instance) this.#forget(old)
    const greeted = this.#greet(connection.socket, instance, accepted)
    connection.greeted = greeted
    this.#send(connection.socket, { kind: 'welcome' })
    this.#guard('connected', () => this.#options.connected(greeted.peer))
  }

  #accept(hello: unknown): Hello | ServeError {
    const mismatch = versionMismatch(hello, this.#options.version)
    if (mismatch !== undefined) return new ServeError('version_mismatch', mismatch)
    try {
      return this.#options.acceptHello(hello)
    } catch (error) {
      return error instanceof ServeError ? error : new ServeError('message_invalid', messageOf(error))
    }
  }

  #greet(socket: Socket, instance: string, hello: Hello): Greeted {
    const requests = new OpenRequests(this.#options.clock, () => nameOfPeer(hello))
    const peer: Peer = {
      hello,
      request: (message, { timeoutMs }) => {
        const { frame, answer } = requests.add(message, timeoutMs)
        if (socket.destroyed) requests.reject(frame.id, gone(hello))
        else this.#flush(socket, requests)
        return answer
      },
      close: () => socket.destroy(),
    }
    return { instance, peer, requests }
  }

  #flush(socket: Socket, requests: OpenRequests): void {
    sendWaiting(requests, (frame) => this.#send(socket, frame))
  }

  async #answer(socket: Socket, { instance, peer }: Greeted, request: RequestFrame): Promise<void> {
    const receive = (message: unknown) => this.#options.receive(peer, message)
    const perform = () => answerTo(request, receive, this.#problem)
    const answer = await this.#memory.once(instance, request.id, perform)
    sendAnswer(answer, request, (frame) => this.#send(socket, frame))
  }

  #send(socket: Socket, frame: Frame): void {
    if (socket.writable) this.#ipc.server.emit(socket, EVENT, frame)
  }

  #forget(connection: Connection | undefined): void {
    if (connection === undefined) return
    const { socket, greeted } = connection
    this.#connections.delete(socket)
    socket.destroy()
    if (greeted === undefined) return
    greeted.requests.rejectAll(gone(greeted.peer.hello))
    if (this.#closed === undefined) this.#guard('disconnected', () => this.#options.disconnected(greeted.peer))
  }

  #cutOff(connection: Connection, why: string): void {
    this.#problem(`cut off ${nameOfConnection(connection)}: it ${why}`)
    this.#forget(connection)
  }

  #failed(error: Error): void {
    if (isOrdinary(error)) return
    if (!(error instanceof IPCProtocolError)) return this.#problem(`${this.#options.path} failed: ${error.message}`)
    // node-ipc does not say whose error it is, but it has just destroyed that one's socket.
    const culprit = [...this.#connections.values()].find(({ socket }) => socket.destroyed)
    this.#problem(`cut off ${nameOfConnection(culprit)}: ${error.message} (${error.code})`)
  }

  /** What a listener throws would make node-ipc lose the rest of the chunk. */
  #guard(what: string, run: () => void): void {
    try {
      run()
    } catch (error) {
      this.#problem(`${what} could not be handled: ${messageOf(error)}`)
    }
  }

  readonly #problem = (text: string): void => this.#options.problem(oneLine(text))
}

function nameOfPeer({ role, pid }: Hello): string {
  return `the ${role.kind} with pid ${pid}`
}

function nameOfConnection(connection: Connection | undefined): string {
  return connection?.greeted ? nameOfPeer(connection.greeted.peer.hello) : 'a process that has not said hello'
}

function gone(hello: Hello): ServeError {
  return new ServeError('channel_closed', `${nameOfPeer(hello)} has left before it answered`)
}
