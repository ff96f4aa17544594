import { type Client, GuardedParser } from 'node-ipc'
import { answerTo } from './answers.ts'
import type { Clock } from './clock.ts'
import { type ErrorReport, messageOf, ServeError } from './errors.ts'
import { type Frame, nameOf, oneLine, type RequestFrame, readFrame } from './frames.ts'
import type { Random } from './ids.ts'
import { EVENT, isOrdinary, isSent, newIpc, sendAnswer, sendWaiting, unsendable } from './ipc.ts'
import type { Hello } from './protocol.ts'
import { redialDelayMs } from './redial.ts'
import { OpenRequests } from './requests.ts'
import { checkSocketPath } from './socket-path.ts'

/** A connection to the server of a path that repairs itself for as long as it is not closed. */
export interface Channel {
  /** Kept, and sent again after every reconnect, until it is answered or `timeoutMs` are over. */
  request(message: unknown, options: { timeoutMs: number }): Promise<unknown>
  /** Final: rejects what is open with `channel_closed`, calls nothing any more, and leaves no timer and no handle. */
  close(): void
}

export interface DialChannelOptions {
  readonly path: string
  /** Unique among all that dial this path, such as a uuid. */
  readonly instance: string
  readonly clock: Clock
  readonly random: Random
  /** Asked at every connect, so that it says how things are then. */
  hello(): Hello
  /** What it returns is the answer, what it throws becomes an error at the server. */
  receive(message: unknown): unknown
  /** The server has accepted the hello. */
  connected(): void
  /** Once for every `connected`, not for every failed attempt. */
  disconnected(): void
  /** The server wants no such process; it is not dialled again, and nothing but `close` makes sense. */
  refused(error: ErrorReport): void
  /** One line for the log: garbage from the server, defects of the functions above. */
  problem(text: string): void
}

/** Dials at once and for ever: the server may come later. Throws `path_too_long`. */
export function dialChannel(options: DialChannelOptions): Channel {
  checkSocketPath(options.path)
  return new Dialled(options)
}

type State =
  | { readonly name: 'apart'; readonly cancel: () => void }
  /** On the way to a welcome. */
  | { readonly name: 'dialling'; readonly link: Client }
  | { readonly name: 'connected'; readonly link: Client }
  | { readonly name: 'ended'; readonly error: ServeError }

class Dialled implements Channel {
  readonly #options: DialChannelOptions
  readonly #ipc = newIpc()
  readonly #parser = new GuardedParser(this.#ipc.config)
  readonly #requests: OpenRequests
  #state: State
  #failures = 0
  #lastProblem = ''

  constructor(options: DialChannelOptions) {
    this.#options = options
    this.#requests = new OpenRequests(options.clock, () => this.#whereabouts())
    this.#state = this.#dial()
  }

  request(message: unknown, { timeoutMs }: { timeoutMs: number }): Promise<unknown> {
    if (this.#state.name === 'ended') return Promise.reject(this.#state.error)
    const { frame, answer } = this.#requests.add(message, timeoutMs)
    try {
      // Also while there is no connection: what can never be sent is not worth waiting for.
      this.#parser.encode(EVENT, frame)
    } catch (error) {
      this.#requests.reject(frame.id, unsendable(error, nameOf(message)))
    }
    this.#flush()
    return answer
  }

  close(): void {
    this.#end(new ServeError('channel_closed', `the channel to ${this.#options.path} was closed`))
  }

  #dial(): State {
    this.#ipc.connectTo('server', this.#options.path, () => {})
    const link = this.#ipc.of.server
    link.on('connect', () => this.#introduce(link))
    link.on('*', (event, data) => {
      if (isSent(event)) this.#guard('a message', () => this.#receive(link, event, data))
    })
    link.on('error', (error) => this.#failed(error))
    link.on('disconnect', () => this.#lost())
    link.socket.on('drain', () => this.#flush())
    return { name: 'dialling', link }
  }

  #introduce(link: Client): void {
    try {
      const { instance } = this.#options
      link.emit(EVENT, { kind: 'hello', instance, hello: this.#options.hello() } satisfies Frame)
    } catch (error) {
      this.#problem(`hello could not be said: ${messageOf(error)}`)
      link.socket.destroy()
    }
  }

  #receive(link: Client, event: string, data: unknown): void {
    // node-ipc delivers the rest of a chunk even after its socket was destroyed.
    if (link.socket.destroyed) return
    const frame = event === EVENT ? readFrame(data) : undefined
    const isConnected = this.#state.name === 'connected'
    if (!isConnected && frame?.kind === 'welcome') this.#welcomed(link)
    else if (!isConnected && frame?.kind === 'refusal') this.#refused(frame.error)
    else if (isConnected && frame?.kind === 'request') void this.#answer(link, frame)
    else if (isConnected && (frame?.kind === 'answer' || frame?.kind === 'failure')) {
      this.#requests.settle(frame)
      this.#flush()
    } else {
      this.#problem(`cut off ${this.#whereabouts()}: it sent a ${frame?.kind ?? `malformed '${event}'`} out of turn`)
      link.socket.destroy()
    }
  }

  #welcomed(link: Client): void {
    this.#state = { name: 'connected', link }
    this.#failures = 0
    this.#lastProblem = ''
    this.#requests.repeat()
    this.#flush()
    this.#guard('connected', () => this.#options.connected())
  }

  #refused(error: ErrorReport): void {
    this.#end(new ServeError(error.code, error.message))
    this.#guard('refused', () => this.#options.refused(error))
  }

  async #answer(link: Client, request: RequestFrame): Promise<void> {
    const answer = await answerTo(request, (message) => this.#options.receive(message), this.#problem)
    // Only by this link, even if it is gone: another one has other requests under the same ids.
    sendAnswer(answer, request, (frame) => link.emit(EVENT, frame))
  }

  /** Sends what waits, as fast as the server reads: a longer backlog would make node-ipc hang up. */
  #flush(): void {
    if (this.#state.name !== 'connected') return
    const { link } = this.#state
    const mayGoOn = () => link.socket.writable && !link.socket.writableNeedDrain
    sendWaiting(this.#requests, (frame) => link.emit(EVENT, frame), mayGoOn)
  }

  #lost(): void {
    const wasConnected = this.#state.name === 'connected'
    const { clock, random } = this.#options
    const cancel = clock.after(redialDelayMs(this.#failures++, random), () => {
      this.#state = this.#dial()
    })
    this.#state = { name: 'apart', cancel }
    if (wasConnected) this.#guard('disconnected', () => this.#options.disconnected())
  }

  #end(error: ServeError): void {
    if (this.#state.name === 'ended') return
    if (this.#state.name === 'apart') this.#state.cancel()
    this.#state = { name: 'ended', error }
    this.#ipc.disconnect('server')
    this.#requests.rejectAll(error)
  }

  #whereabouts(): string {
    const { path } = this.#options
    return `the server of ${path}${this.#state.name === 'connected' ? '' : ' (not connected)'}`
  }

  /** An outage is one problem, not one at every attempt. */
  #failed(error: Error): void {
    if (isOrdinary(error)) return
    const text = `the connection to ${this.#options.path} failed: ${error.message}`
    if (text !== this.#lastProblem) this.#problem(text)
    this.#lastProblem = text
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
