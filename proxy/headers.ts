import { REFUSED_HEADER } from '../shared/headers.ts'

type Incoming = Readonly<Record<string, string | readonly string[] | undefined>>

/** Headers of a request to a replica, names in lower case. */
export type Headers = Record<string, string | string[]>

/** What the proxy itself says about a request to the replica. */
export interface Hop {
  readonly id: string
  readonly clientAddress: string
  readonly host: string | undefined
  readonly prefix: string
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

/** A client could lie in these; `expect` has been answered here. What is missing is set again below. */
const REPLACED = new Set(['forwarded', 'expect', 'host', 'content-length', 'x-request-id'])

const NONE: string[] = []

const FORWARDED = 'x-forwarded-'

const SAFE_ID = /^[\x21-\x7e]{1,128}$/

const DUAL_STACK = '::ffff:'

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
export function requestHeaders(incoming: Incoming, hop: Hop): Headers {
  const named = namesIn(incoming['connection'])
  const headers: Headers = {}
  for (const name in incoming) {
    if (HOP_BY_HOP.has(name) || REPLACED.has(name) || name.startsWith(FORWARDED) || named.includes(name)) continue
    const value = incoming[name]
    if (value !== undefined) headers[name] = typeof value === 'string' ? value : [...value]
  }
  const length = incoming['content-length']
  if (typeof length === 'string') headers['content-length'] = length
  if (hop.host !== undefined) {
    headers['host'] = hop.host
    headers['x-forwarded-host'] = hop.host
  }
  if (hop.prefix !== '/') headers['x-forwarded-prefix'] = hop.prefix
  headers['x-forwarded-for'] = withoutMapping(hop.clientAddress)
  headers['x-forwarded-proto'] = 'http'
  headers['x-request-id'] = hop.id
  return headers
}

/** What is to be known of a replica's answer before its body. Lists are: name, value, name, … */
export interface AnswerHead {
  /** What the client gets, in the replica's order and case, with our request id. */
  readonly headers: string[]
  /** The announcement of trailers, for where they may follow. */
  readonly trailer: readonly string[]
  /** The length of the body, if it is announced. */
  readonly length: number | undefined
  readonly isChunked: boolean
  /** What `isRefusal` asks for. */
  readonly refused: string | undefined
}

/** Whether the replica's answer says that it has not taken the request. */
export function isRefusal(status: number | undefined, headers: Incoming): boolean {
  return status === 503 && headers[REFUSED_HEADER] === '1'
}

export function readAnswer(raw: readonly string[], id: string): AnswerHead {
  const { kept, ...rest } = endToEnd(raw)
  kept.push('x-request-id', id)
  return { headers: kept, ...rest }
}

/** The headers of an informational answer, or its trailers, as the client gets them. */
export function extraHeaders(raw: readonly string[]): [string, string][] {
  const { kept } = endToEnd(raw)
  return Array.from({ length: kept.length / 2 }, (_, n) => [kept[2 * n] ?? '', kept[2 * n + 1] ?? ''])
}

function endToEnd(raw: readonly string[]) {
  const [kept, trailer]: [string[], string[]] = [[], []]
  let named: string[] = NONE
  let length: number | undefined
  let refused: string | undefined
  let isChunked = false
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at] ?? ''
    const value = raw[at + 1] ?? ''
    const key = name.toLowerCase()
    if (key === 'connection') named = [...named, ...namesIn(value)]
    else if (key === 'trailer') trailer.push(name, value)
    else if (key === 'transfer-encoding') isChunked = true
    else if (key === REFUSED_HEADER) refused = value
    else if (key !== 'x-request-id' && !HOP_BY_HOP.has(key)) kept.push(name, value)
    if (key === 'content-length') length = Number(value)
  }
  return { kept: named.length === 0 ? kept : without(named, kept), trailer, length, isChunked, refused }
}

function without(named: readonly string[], headers: readonly string[]): string[] {
  return headers.filter((_, at) => !named.includes(headers[at - (at % 2)]?.toLowerCase() ?? ''))
}

/** The headers that a Connection header names. What it mostly says names none. */
function namesIn(connection: string | readonly string[] | undefined): string[] {
  if (connection === undefined || connection === 'keep-alive' || connection === 'close') return NONE
  return String(connection)
    .split(',')
    .map((name) => name.trim().toLowerCase())
}

/** An IPv4 client on a dual-stack socket shows as `::ffff:1.2.3.4`. */
function withoutMapping(address: string): string {
  return address.startsWith(DUAL_STACK) && address.includes('.') ? address.slice(DUAL_STACK.length) : address
}
