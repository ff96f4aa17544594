/** The part of node-ipc 14.0.0 that the control channel uses. The package ships no types, and DefinitelyTyped has those of 9. */
declare module 'node-ipc' {
  import type { Server as NetServer, Socket } from 'node:net'

  export interface Config {
    parser: 'guarded'
    maxMessageSize: number
    maxPendingBytes: number
    maxConnections: number
    stopRetrying: boolean
    unlink: boolean
    silent: boolean
  }

  /** One connection to a server. `*` hears what the other side sends and the local events (`reservedEventTypes`). */
  export interface Client {
    readonly socket: Socket
    on(event: '*', heard: (event: string, data: unknown) => void): this
    on(event: 'connect' | 'disconnect', heard: () => void): this
    on(event: 'error', heard: (error: Error) => void): this
    emit(event: string, data: unknown): boolean
  }

  export interface Server {
    /** Exists after start(). */
    readonly server: NetServer
    on(event: '*', heard: (event: string, data: unknown, socket: Socket) => void): this
    on(event: 'connect' | 'close', heard: (socket: Socket) => void): this
    on(event: 'error', heard: (error: Error) => void): this
    emit(socket: Socket, event: string, data: unknown): boolean
    start(): void
    stop(): void
  }

  /** One endpoint. A client is known by a name of ours: `server`. */
  export class IPCModule {
    readonly config: Config
    readonly of: { readonly server: Client }
    readonly server: Server
    serve(path: string, started: () => void): void
    connectTo(id: 'server', path: string, dialing: () => void): void
    disconnect(id: 'server'): void
  }

  export class GuardedParser {
    constructor(config: Config)
    encode(event: string, data: unknown): string
  }

  export class IPCProtocolError extends Error {
    readonly code: string
  }
}

declare module 'node-ipc/parsers' {
  export const reservedEventTypes: ReadonlySet<string>
}
