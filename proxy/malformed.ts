import type { Answer } from './answers.ts'
import * as answers from './answers.ts'

/** What Node's HTTP parser, or its timer for heads, has to say of a connection. */
export interface Malformation {
  readonly code?: string | undefined
  /** What was received last. */
  readonly rawPacket?: Buffer
  /** How far that was read until it was too much. */
  readonly bytesParsed?: number
}

/** undefined: there is nobody to answer, the connection itself is broken. */
export function answerTo({ code = '', rawPacket, bytesParsed }: Malformation): Answer | undefined {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return rawPacket !== undefined && isRequestLine(rawPacket, bytesParsed) ? answers.longTarget : answers.longHeaders
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return answers.longChunkExtensions
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return answers.lateHead
    default:
      return code.startsWith('HPE_') ? answers.malformed : undefined
  }
}

/** An answer as it goes over the wire where there is no request to which it could belong. */
export function showAnswer({ status, body, headers }: Answer, reason: string, id: string): string {
  const all = { ...headers, 'content-length': String(Buffer.byteLength(body)), 'x-request-id': id }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  return `HTTP/1.1 ${status} ${reason}\r\n${lines.join('')}\r\n${body}`
}

/** Too long already in its request line. Of one that comes in many small packets it cannot be told. */
function isRequestLine(packet: Buffer, bytesParsed: number | undefined): boolean {
  const line = packet.subarray(0, bytesParsed).toString('latin1').split('\n').at(-1)
  return line !== undefined && /^[A-Z-]+ \S+$/.test(line)
}
