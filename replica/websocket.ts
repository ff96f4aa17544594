import type { IncomingMessage, ServerResponse } from 'node:http'
import { SERVICE_RESTART } from '../shared/leaving.ts'
import type { Upgrade } from '../shared/upgrade.ts'
import type { RequestSocket, SocketServer } from './websocket-server.ts'

/** What @hono/node-server hands to a Hono application. */
export interface Env {
  readonly incoming: IncomingMessage
  readonly outgoing: ServerResponse
}

/** `upgradeWebSocket` does not export the name under which it looks for what gives it its WebSocket. */
const WAIT = 'WAIT_FOR_WEBSOCKET_SYMBOL'

/** What an application cannot say in its answer to a handshake, because the handshake says it. */
const NOT_PASSED_ON = new Set([
  'connection',
  'content-length',
  'content-type',
  'keep-alive',
  'transfer-encoding',
  'upgrade',
  'sec-websocket-accept',
  'sec-websocket-extensions',
  'sec-websocket-protocol',
])

/** A request that wants to become a WebSocket, while the application decides. */
export class Handshake {
  readonly #upgrade: Upgrade
  #socket: RequestSocket | undefined
  #isWanted = false
  #opened: (socket: RequestSocket) => void = () => {}

  constructor(upgrade: Upgrade) {
    this.#upgrade = upgrade
  }

  get isWanted(): boolean {
    return this.#isWanted
  }

  /** Undefined unless it became a WebSocket. */
  get closeCode(): number | undefined {
    return this.#socket && (this.#socket.closeCode ?? 1006)
  }

  /**
   * The environment in which `upgradeWebSocket` finds its WebSocket. It looks for a symbol that no other copy of
   * @hono/node-server shares, and the user's copy need not be ours; so the symbol is known by its description.
   */
  environment(env: Env): Env {
    const opened = new Promise<RequestSocket>((resolve) => {
      this.#opened = resolve
    })
    const wait = (): Promise<RequestSocket> => {
      this.#isWanted = true
      return opened
    }
    return new Proxy(env, {
      get: (target, key) =>
        typeof key === 'symbol' && key.description === WAIT ? wait : (Reflect.get(target, key) as unknown),
    })
  }

  /** Answers 101. From then on the end of the WebSocket is the end of the request. */
  open(server: SocketServer, request: IncomingMessage, { headers }: Response): void {
    const { socket } = request
    const early = this.#upgrade.take()
    const add = (lines: string[]): void => {
      for (const [name, value] of headers) if (!NOT_PASSED_ON.has(name)) lines.push(`${name}: ${value}`)
    }
    server.on('headers', add)
    server.handleUpgrade(request, socket, early, (webSocket) => {
      // What the application listens for is its own; without any listener an error would end the process.
      webSocket.on('error', () => {})
      this.#socket = webSocket
      this.#opened(webSocket)
      socket.resume()
    })
    server.off('headers', add)
    // Without a WebSocket, it was the handshake that was at fault, and has been answered.
    const last = this.#socket ?? socket
    last.once('close', () => this.#upgrade.response.emit('close'))
  }
}

/** The WebSockets of a replica. The package that makes them is loaded for the first. */
export class WebSockets {
  #server: Promise<SocketServer> | undefined

  async open(handshake: Handshake, request: IncomingMessage, response: Response): Promise<void> {
    this.#server ??= import('./websocket-server.ts').then(({ createSocketServer }) => createSocketServer())
    const server = await this.#server
    if (!request.socket.destroyed) handshake.open(server, request, response)
  }

  /** Closes all that are open with 1012. */
  async restart(): Promise<void> {
    for (const socket of (await this.#server)?.clients ?? []) socket.close(SERVICE_RESTART, 'service restart')
  }
}
