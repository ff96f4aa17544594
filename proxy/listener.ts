import { createServer as createHttpServer, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { type Socket, Server as NetServer } from 'node:net'
import type { Credentials } from '../shared/tls.ts'
import { MAX_HEADERS } from './request-fault.ts'
import { upgradableMessage } from './should-upgrade.ts'

/** What a client may take its time for. */
export interface Limits {
  /** From the first byte of a request, or from the opening of the connection, to the end of its head; then 408. */
  readonly headMs: number
  /** For so long a client may send nothing of a body (then 408), or take nothing of an answer (then it is cut off). */
  readonly stallMs: number
  readonly handshakeMs: number
  /** How often it is looked for heads that are late. */
  readonly checkMs: number
}

export const LIMITS: Limits = { headMs: 30_000, stallMs: 60_000, handshakeMs: 10_000, checkMs: 5_000 }

/** Request line and headers together; more is answered 414 or 431. */
const MAX_HEAD_BYTES = 16 * 1024

export interface ListenerOptions {
  /** undefined: HTTP without TLS. */
  readonly credentials: Credentials | undefined
  readonly keepAliveMs: number
  readonly limits: Limits
}

export interface Listening {
  readonly request: RequestListener
  /** Whether a request that asks for another protocol shall go to `upgraded`; otherwise it is an ordinary one. */
  isUpgrade(request: IncomingMessage): boolean
  /** From here on its connection is ours; `head` is what came behind the request. */
  upgraded(request: IncomingMessage, head: Buffer): void
  /** A connection is there on which requests may come. */
  opened(socket: Socket): void
  /** A connection brought something that is no request, or nothing in time, or broke. */
  failed(error: NodeJS.ErrnoException, socket: Socket): void
  /** Nothing went over a connection for as long as it may be silent. */
  silent(socket: Socket): void
}

export interface Listener {
  readonly server: Server
  /** Accepts no more; resolves when the last connection is closed. */
  close(): Promise<void>
}

/** An HTTP server or, with credentials, an HTTPS server: the same settings, the same events. */
export function createListener({ credentials, keepAliveMs, limits }: ListenerOptions, listening: Listening): Listener {
  const settings = {
    keepAliveTimeout: keepAliveMs,
    headersTimeout: limits.headMs,
    // A body may take any time: a limit to the whole would break large uploads on slow lines.
    requestTimeout: 0,
    connectionsCheckingInterval: limits.checkMs,
    maxHeaderSize: MAX_HEAD_BYTES,
    IncomingMessage: upgradableMessage((request) => listening.isUpgrade(request)),
    // Checked later, so that this answer too has a request id.
    requireHostHeader: false,
    // Of two Host headers Node would show the first; joined, they are no host.
    joinDuplicateHeaders: true,
  }
  const tls = credentials && {
    ...credentials,
    requestCert: credentials.ca !== undefined,
    handshakeTimeout: limits.handshakeMs,
    ALPNProtocols: ['http/1.1'],
  }
  const server =
    tls === undefined
      ? createHttpServer(settings, listening.request)
      : createHttpsServer({ ...settings, ...tls }, listening.request)
  const handshakes = tls === undefined ? new Map<string, Socket>() : watchHandshakes(server)
  // What is beyond, Node drops without a word; so it can be seen that there was more.
  server.maxHeadersCount = MAX_HEADERS + 1
  server.timeout = limits.stallMs
  server.on('upgrade', (request, _socket, head) => listening.upgraded(request, head))
  server.on('checkExpectation', listening.request)
  server.on(tls === undefined ? 'connection' : 'secureConnection', (socket: Socket) => listening.opened(socket))
  server.on('clientError', (error, socket: Socket) => listening.failed(error, socket))
  server.on('timeout', (socket) => listening.silent(socket))
  const close = () =>
    new Promise<void>((resolve) => {
      // Not http.Server's own close: on Node 20 it destroys connections whose last answer is written but not yet sent.
      NetServer.prototype.close.call(server, () => resolve())
      for (const socket of handshakes.values()) socket.destroy()
    })
  return { server, close }
}

/** The connections whose TLS handshake is not finished, by the address of their other end: nothing else links the two. */
function watchHandshakes(server: Server): Map<string, Socket> {
  const handshakes = new Map<string, Socket>()
  server.on('connection', (socket: Socket) => {
    const end = otherEnd(socket)
    handshakes.set(end, socket)
    socket.once('close', () => {
      if (handshakes.get(end) === socket) handshakes.delete(end)
    })
  })
  server.on('secureConnection', (socket: Socket) => handshakes.delete(otherEnd(socket)))
  return handshakes
}

function otherEnd({ remoteAddress, remotePort, localAddress }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress}`
}
