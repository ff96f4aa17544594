/** The part of autocannon 9 that the bench uses; the package has no types. */
declare module 'autocannon' {
  import type { EventEmitter } from 'node:events'

  interface Options {
    readonly url: string
    readonly connections: number
    /** Seconds. */
    readonly duration: number
    /** Milliseconds between two looks at whether to stop. */
    readonly sampleInt: number
    /** Seconds. */
    readonly timeout: number
  }

  interface Cannon extends EventEmitter {
    on(event: 'response', listener: (client: unknown, status: number, bytes: number, ms: number) => void): this
    on(event: 'reqError', listener: (error: Error) => void): this
    stop(): void
  }

  function autocannon(options: Options, done: (error: Error | null) => void): Cannon
  export = autocannon
}
