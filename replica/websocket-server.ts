import { type Server, WebSocket, WebSocketServer } from 'ws'
import { currentRequest, withRequest } from './context.ts'

/** Of one message, decompressed; a longer one closes the WebSocket with 1009. As the reference. */
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024

/** A WebSocket whose handlers run, and log, in the name of the request that opened it. */
export class RequestSocket extends WebSocket {
  readonly #context = currentRequest()
  #closeCode: number | undefined

  /** The first that either side has sent. */
  get closeCode(): number | undefined {
    return this.#closeCode
  }

  /** ws calls it too, to answer the other side's Close frame with the same code. */
  override close(code?: number, reason?: string | Buffer): void {
    super.close(code, reason)
    this.#closeCode ??= code ?? 1005
  }

  override emit(...given: Parameters<WebSocket['emit']>): boolean {
    const emit = (): boolean => super.emit(...given)
    return this.#context === undefined ? emit() : withRequest(this.#context, emit)
  }
}

export type SocketServer = Server<typeof RequestSocket>

export function createSocketServer(): SocketServer {
  return new WebSocketServer({ noServer: true, maxPayload: MAX_MESSAGE_BYTES, WebSocket: RequestSocket })
}
