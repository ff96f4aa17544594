/**
 * The part of undici 7.30.2 that is used. Its own entry runs 110 modules, of which a proxy needs the 19 behind its client
 * (docs/decisions/0007-undici.md), and its types know neither that path nor that trailers are buffers.
 */
declare module 'undici/lib/dispatcher/client.js' {
  import type { Socket } from 'node:net'
  import type { Readable } from 'node:stream'

  /** Names and values in turn; all of them are called with a request's answer in one connection. */
  export interface Handler {
    /** The request is about to be written. */
    onConnect(abort: () => void): void
    /** Also for informational answers. */
    onHeaders(status: number, headers: readonly Buffer[], resume: () => void, statusText: string): boolean
    /** Nothing more is read after false, until `resume` is called. */
    onData(chunk: Buffer): boolean
    onComplete(trailers: readonly Buffer[]): void
    onError(error: NodeJS.ErrnoException): void
  }

  export interface Outgoing {
    readonly method: string
    readonly path: string
    readonly headers: Readonly<Record<string, string | string[]>>
    readonly body: Buffer | Readable | null
    /** False: keep the connection after a HEAD, and after a body with a method for which none is expected. */
    readonly reset: boolean
    /** False: nothing to be done at the head of the answer that could let more requests onto the connection. */
    readonly blocking: boolean
  }

  /** Opens a connection; calls back once. */
  export type Connector = (target: unknown, done: (...result: [null, Socket] | [Error, null]) => void) => void

  export interface Options {
    readonly connect: Connector
    readonly pipelining: number
    readonly headersTimeout: number
    readonly bodyTimeout: number
    readonly keepAliveTimeout: number
    readonly keepAliveMaxTimeout: number
  }

  export default class Client {
    constructor(origin: string, options: Options)
    dispatch(request: Outgoing, handler: Handler): boolean
    on(event: 'disconnect', listener: () => void): this
    destroy(): Promise<void>
  }
}
