import { type ClientOptions, type RawData, WebSocket } from 'ws'
import { eventually } from './eventually.ts'

/** A client of a WebSocket, and everything that came of it. */
export interface Client {
  readonly socket: WebSocket
  readonly messages: (string | Buffer)[]
  readonly pongs: string[]
  /** Of the 101, or of the answer that was given instead. */
  readonly answer: {
    status: number | undefined
    headers: Readonly<Record<string, string | string[] | undefined>>
    body: string
  }
  readonly closed: { readonly code: number; readonly reason: string } | undefined
  readonly isDone: boolean
}

export function dial(url: string, options: ClientOptions = {}, protocols: string[] = []): Client {
  const socket = new WebSocket(url.replace(/^http/, 'ws'), protocols, { perMessageDeflate: false, ...options })
  const messages: Client['messages'] = []
  const pongs: string[] = []
  const answer: Client['answer'] = { status: undefined, headers: {}, body: '' }
  let closed: Client['closed']
  let isDone = false
  socket.on('upgrade', ({ statusCode, headers }) => Object.assign(answer, { status: statusCode, headers }))
  socket.on('unexpected-response', (_, response) => {
    Object.assign(answer, { status: response.statusCode, headers: response.headers })
    response.setEncoding('latin1').on('data', (text: string) => (answer.body += text))
    response.on('close', () => (isDone = true))
  })
  socket.on('message', (data: RawData, isBinary) =>
    messages.push(isBinary ? (data as Buffer) : (data as Buffer).toString()),
  )
  socket.on('pong', (data) => pongs.push(String(data)))
  socket.on('error', () => {})
  socket.on('close', (code, reason) => {
    closed = { code, reason: String(reason) }
    isDone = true
  })
  return {
    socket,
    messages,
    pongs,
    answer,
    get closed() {
      return closed
    },
    get isDone() {
      return isDone
    },
  }
}

/** A client whose WebSocket is open. */
export async function open(...given: Parameters<typeof dial>): Promise<Client> {
  const client = dial(...given)
  await eventually(() => client.isDone || client.socket.readyState === WebSocket.OPEN)
  if (client.isDone) throw new Error(`refused: ${JSON.stringify(client.answer)}`)
  return client
}

/** The answer that a client got instead of a 101. */
export async function refused(...given: Parameters<typeof dial>): Promise<Client['answer']> {
  const client = dial(...given)
  await eventually(() => client.isDone)
  return client.answer
}

/** What a client writes to open a WebSocket; `more` is headers, each with its CRLF. */
export function handshake(path = '/', more = ''): string {
  return (
    `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
    `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${more}\r\n`
  )
}

/** A whole frame as a client sends it, masked with zeros; as a server sends it without. */
export function frame(opcode: number, payload: string | Buffer, from: 'client' | 'server' = 'client'): Buffer {
  const body = Buffer.from(payload)
  const masked = from === 'client' ? 0x80 : 0
  const head = Buffer.alloc(10)
  head[0] = 0x80 | opcode
  let length = 2
  if (body.length < 126) head[1] = masked | body.length
  else if (body.length < 65_536) {
    head[1] = masked | 126
    length = head.writeUInt16BE(body.length, 2)
  } else {
    head[1] = masked | 127
    length = head.writeBigUInt64BE(BigInt(body.length), 2)
  }
  return Buffer.concat([head.subarray(0, length), Buffer.alloc(from === 'client' ? 4 : 0), body])
}
