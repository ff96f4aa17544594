import { REFUSED_HEADER } from '../shared/headers.ts'

type Incoming = Readonly<Record<string, string | readonly string[] | undefined>>

/** Headers of a request to a replica, names in lower case. */
export type Headers = Record<string, string | string[]>

/** What the proxy itself says about a request to the replica. */
export interface Hop {
  readonly id: string
  readonly host: string | undefined
  /** What tells of the client. */
  readonly forwarded: Readonly<Record<string, string>>
}

/** RFC 9110, 7.6.1, and what was hop-by-hop before it; `trailer` because request trailers end here. */
const HOP_BY_HOP = new Set([
  'connection',
  'proxy-connection',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'proxy-authenticate',
  'proxy-authorization',
])

/** A client could lie in these (proxy/forwarded.ts decides); `expect` has been answered here. What is missing (host, framing) is set again below. */
const REPLACED = /^(?:x-forwarded-.*|forwarded|expect|host|content-length|x-request-id)$/

/** The client's id, if it is safe to print and to repeat; otherwise a fresh one. */
export function requestId(header: string | readonly string[] | undefined, newId: () => string): string {
  return typeof header === 'string' && /^[\x21-\x7e]{1,128}$/.test(header) ? header : newId()
}

/** How the body of a request is delimited. */
export type Framing = 'none' | 'length' | 'chunked'

/** Undefined for a transfer coding that only its sender understands. */
export function framing(incoming: Incoming): Framing | undefined {
  const coding = incoming['transfer-encoding']
  if (coding !== undefined) return String(coding).toLowerCase() === 'chunked' ? 'chunked' : undefined
  const length = incoming['content-length']
  return length === undefined || Number(length) === 0 ? 'none' : 'length'
}

/**
 * The headers that the replica gets. Framing and host are never taken away by a Connection header that names them:
 * a body without its framing would be read as the next request on the replica's connection.
 */
export function requestHeaders(incoming: Incoming, hop: Hop): Headers {
  const named = namesIn(incoming['connection'])
  const headers: Headers = {}
  for (const [name, value] of Object.entries(incoming)) {
    if (value === undefined || HOP_BY_HOP.has(name) || REPLACED.test(name) || named.includes(name)) continue
    headers[name] = typeof value === 'string' ? value : [...value]
  }
  const length = incoming['content-length']
  if (incoming['transfer-encoding'] !== undefined) headers['transfer-encoding'] = 'chunked'
  else if (typeof length === 'string') headers['content-length'] = length
  if (hop.host !== undefined) headers['host'] = hop.host
  Object.assign(headers, hop.forwarded)
  headers['x-request-id'] = hop.id
  return headers
}

/** Whether the replica's answer says that it has not taken the request. */
export function isRefusal(status: number | undefined, headers: Incoming): boolean {
  return status === 503 && headers[REFUSED_HEADER] === '1'
}

/** The replica's headers (name, value, name, …, in its order and case) as the client gets them. */
export function answerHeaders(raw: readonly string[], { id, trailers }: { id: string; trailers: boolean }): string[] {
  const kept = endToEnd(raw, trailers)
  kept.push('x-request-id', id)
  return kept
}

/** The replica's trailers as the client gets them. */
export function answerTrailers(raw: readonly string[]): [string, string][] {
  const kept = endToEnd(raw, false)
  return Array.from({ length: kept.length / 2 }, (_, n) => [kept[2 * n] ?? '', kept[2 * n + 1] ?? ''])
}

function endToEnd(raw: readonly string[], keepTrailer: boolean): string[] {
  const names = raw.map((text, at) => (at % 2 === 0 ? text.toLowerCase() : ''))
  const named = names.flatMap((name, at) => (name === 'connection' ? namesIn(raw[at + 1]) : []))
  return raw.filter((_, at) => {
    const name = names[at - (at % 2)] ?? ''
    if (name === 'trailer') return keepTrailer
    return !HOP_BY_HOP.has(name) && !named.includes(name) && name !== 'x-request-id' && name !== REFUSED_HEADER
  })
}

function namesIn(connection: string | readonly string[] | undefined): string[] {
  if (connection === undefined) return []
  return String(connection)
    .split(',')
    .map((name) => name.trim().toLowerCase())
}
