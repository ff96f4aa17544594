import { PREFIX_HEADER, REFUSED_HEADER, toldHeader } from '../shared/headers.ts'

type Incoming = Readonly<Record<string, string | readonly string[] | undefined>>

/** Name, value, name, … in the order and case in which they were written. */
export type HeaderList = readonly string[]

/** What the proxy itself says about a request to the replica. */
export interface Hop {
  readonly id: string
  readonly host: string | undefined
  /** The route prefix, percent-encoded. */
  readonly prefix: string
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

/** A client could lie in these (proxy/forwarded.ts decides); `expect` has been answered here. What is missing is set again below. */
const REPLACED = new Set(['forwarded', 'expect', 'host', 'content-length', 'x-request-id', PREFIX_HEADER])

const NONE: readonly string[] = []

const FORWARDED = 'x-forwarded-'

/** HTTP/1.0 needs no host, HTTP/1.1 does. */
const NO_HOST = 'localhost'

const SAFE_ID = /^[\x21-\x7e]{1,128}$/

/** The client's id, if it is safe to print and to repeat; otherwise a fresh one. */
export function requestId(header: string | readonly string[] | undefined, newId: () => string): string {
  return typeof header === 'string' && SAFE_ID.test(header) ? header : newId()
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
 * The headers that the replica gets. Length and host are never taken away by a Connection header that names them: a body
 * without its framing would be read as the next request on the replica's connection. That of a chunked body is set with it.
 */
export function requestHeaders(raw: HeaderList, incoming: Incoming, { id, host, prefix, forwarded }: Hop): string[] {
  const named = namesIn(incoming['connection'])
  const headers = ['host', host ?? NO_HOST]
  for (let at = 0; at < raw.length; at += 2) {
    const [name = '', value = ''] = [raw[at], raw[at + 1]]
    const key = name.toLowerCase()
    if (HOP_BY_HOP.has(key) || REPLACED.has(key) || key.startsWith(FORWARDED) || named.includes(key)) continue
    headers.push(name, value)
  }
  const length = incoming['content-length']
  if (typeof length === 'string') headers.push('content-length', length)
  for (const name in forwarded) headers.push(...toldHeader(name, forwarded[name] ?? '', prefix))
  headers.push('x-request-id', id)
  return headers
}

/** What a client gets of a replica's headers: of its answer, of an informational one, or of its trailers. */
export function endToEnd(fields: HeaderList): string[] {
  const kept: string[] = []
  let named: readonly string[] = NONE
  for (let at = 0; at < fields.length; at += 2) {
    const [name = '', value = ''] = [fields[at], fields[at + 1]]
    const key = name.toLowerCase()
    if (key === 'connection') named = [...named, ...namesIn(value)]
    else if (key !== 'x-request-id' && key !== REFUSED_HEADER && !HOP_BY_HOP.has(key)) kept.push(name, value)
  }
  return named.length === 0 ? kept : without(named, kept)
}

function without(named: readonly string[], headers: HeaderList): string[] {
  return headers.filter((_, at) => !named.includes(headers[at - (at % 2)]?.toLowerCase() ?? ''))
}

/** The headers that a Connection header names. What it mostly says names none. */
function namesIn(connection: string | readonly string[] | undefined): readonly string[] {
  if (connection === undefined || connection === 'keep-alive' || connection === 'close') return NONE
  return String(connection)
    .split(',')
    .map((name) => name.trim().toLowerCase())
}
