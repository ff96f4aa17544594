import { REFUSED_HEADER, type Refusal } from '../shared/headers.ts'
import { endToEnd, type HeaderList } from './headers.ts'

/** Where the body of an answer ends; a number: after so many bytes. */
export type Extent = number | 'chunked' | 'until closed'

/** The headers of an answer, as far as they concern the proxy. */
export interface AnswerFields {
  /** What is end to end, in the replica's order and case. */
  readonly headers: HeaderList
  /** The announcement of trailers, for where they may follow. */
  readonly trailer: HeaderList
  /** What the framing headers say, though there may be no body to which it applies. */
  readonly extent: Extent
  /** The replica takes another request on the connection. */
  readonly isKept: boolean
  /** With status 503: why the replica has not taken the request. */
  readonly refusal: Refusal | undefined
}

export interface AnswerHead extends AnswerFields {
  readonly status: number
  readonly statusText: string
}

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+"
const VALUE = '[\\t\\x20-\\x7e\\x80-\\xff]*'
const FIELD = `${TOKEN}:${VALUE}`

/** RFC 9112, 2 to 5, without what a recipient may tolerate: no bare line ends, no folded lines, no space before a colon. */
const HEAD = new RegExp(`^HTTP/1\\.[01] [1-9]\\d\\d(?: ${VALUE})?(?:\\r\\n${FIELD})*$`)

const TRAILERS = new RegExp(`^${FIELD}(?:\\r\\n${FIELD})*$`)

/** What would not be a safe integer is no length either. */
const LENGTH = /^\d{1,15}$/

const STATUS_AT = 'HTTP/1.1 '.length

/**
 * Reads a head, from the status line to before the empty line. Undefined for what is none, and for one whose framing is
 * in doubt (RFC 9112, 6.3): two readers that take different bytes for the body are how answers get to the wrong clients.
 */
export function parseHead(text: string): AnswerHead | undefined {
  if (!HEAD.test(text)) return undefined
  const lineEnd = text.indexOf('\r\n')
  const fields = lineEnd < 0 ? [] : splitFields(text, lineEnd + 2)
  const read = readFields(fields)
  if (read === undefined) return undefined
  return {
    status: Number(text.slice(STATUS_AT, STATUS_AT + 3)),
    statusText: text.slice(STATUS_AT + 4, lineEnd < 0 ? undefined : lineEnd),
    ...read,
    isKept: read.isKept && text.startsWith('HTTP/1.1'),
  }
}

/** The trailers, from the first to before the empty line; undefined for what is none. */
export function parseTrailers(text: string): HeaderList | undefined {
  if (text === '') return []
  return TRAILERS.test(text) ? endToEnd(splitFields(text, 0)) : undefined
}

/** Undefined if the framing is in doubt. */
export function readFields(fields: HeaderList): AnswerFields | undefined {
  const trailer: string[] = []
  let extent: Extent = 'until closed'
  let isKept = true
  let refusal: Refusal | undefined
  for (let at = 0; at < fields.length; at += 2) {
    const [name = '', value = ''] = [fields[at], fields[at + 1]]
    switch (name.toLowerCase()) {
      case 'content-length':
        if (extent !== 'until closed' || !LENGTH.test(value)) return undefined
        extent = Number(value)
        break
      case 'transfer-encoding':
        if (extent !== 'until closed' || value.toLowerCase() !== 'chunked') return undefined
        extent = 'chunked'
        break
      case 'connection':
        if (value !== 'keep-alive' && /(?:^|[,\s])close(?:$|[,\s])/i.test(value)) isKept = false
        break
      case 'trailer':
        trailer.push(name, value)
        break
      case REFUSED_HEADER:
        if (value === 'busy' || value === 'draining') refusal = value
    }
  }
  return { headers: endToEnd(fields), trailer, extent, isKept, refusal }
}

/** Name, value, name, … of lines that are known to be fields. */
function splitFields(text: string, from: number): string[] {
  const fields: string[] = []
  for (let start = from; start < text.length; ) {
    const found = text.indexOf('\r\n', start)
    const end = found < 0 ? text.length : found
    const colon = text.indexOf(':', start)
    fields.push(text.slice(start, colon), trimmed(text, colon + 1, end))
    start = end + 2
  }
  return fields
}

/** Without the spaces and tabs around it, and only these: `trim` would take a part of what is not ASCII. */
function trimmed(text: string, from: number, to: number): string {
  let [start, end] = [from, to]
  while (start < end && isBlank(text.charCodeAt(start))) start += 1
  while (end > start && isBlank(text.charCodeAt(end - 1))) end -= 1
  return text.slice(start, end)
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09
}
