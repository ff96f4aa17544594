/**
 * What a log line looks like: Ray's text format, `LEVEL YYYY-MM-DD HH:MM:SS,mmm component id [request_id ]-- message`.
 * Nothing that comes in here goes out with a raw control character in it.
 */

export type Level = 'DEBUG' | 'INFO' | 'WARNING' | 'ERROR'

export interface Header {
  readonly level: Level
  /** Milliseconds since the epoch. */
  readonly nowMs: number
  /** Component and id, as `controller 31163`. */
  readonly component: string
  readonly requestId?: string | undefined
}

/** The two views of one entry, in complete lines; empty where the entry is not to be seen. */
export interface Lines {
  readonly file: string
  readonly output: string
}

let shownSecond = Number.NaN
let shownText = ''

/** Python's `asctime`, in local time. The date is made once a second: it would cost more than all the rest of a line. */
export function asctime(nowMs: number): string {
  const second = Math.floor(nowMs / 1000)
  if (second !== shownSecond) {
    // oxlint-disable-next-line no-restricted-globals -- an instant that was given, not the present one
    shownText = dateAndTime(new Date(second * 1000))
    shownSecond = second
  }
  return `${shownText},${digits(Math.floor(nowMs - second * 1000), 3)}`
}

function dateAndTime(date: Date): string {
  const day = [digits(date.getFullYear(), 4), digits(date.getMonth() + 1, 2), digits(date.getDate(), 2)].join('-')
  return `${day} ${[date.getHours(), date.getMinutes(), date.getSeconds()].map((part) => digits(part, 2)).join(':')}`
}

const digits = (value: number, count: number): string => String(value).padStart(count, '0')

/** Everything before the message. */
export function showHeader({ level, nowMs, component, requestId }: Header): string {
  const request = requestId === undefined ? '' : `${escapeInline(requestId)} `
  return `${level} ${asctime(nowMs)} ${component} ${request}-- `
}

/** A log line. In the file each line of the message has the header, so that a search by request id finds a whole stack. */
export function logLines(header: string, message: string): Lines {
  const text = escapeControls(message)
  const output = `${header}${text}\n`
  return { file: text.includes('\n') ? fileLines(header, text) : output, output }
}

/** What user code printed: bare in the output, like any log line in the file. */
export function printLines(header: string, print: string): Lines {
  const text = escapeControls(print)
  return { file: fileLines(header, text), output: `${text}\n` }
}

const fileLines = (header: string, text: string): string => `${header}${text.split('\n').join(`\n${header}`)}\n`

const ORDINARY = /^[\t\n\x20-\x7e]*$/
const ORDINARY_INLINE = /^[\x20-\x7e]*$/
// \p{Cs}: in a /u expression only a surrogate without its other half.
const CONTROL = /(?![\t\n])[\p{Cc}\p{Cs}\u2028\u2029]/gu
const CONTROL_INLINE = /[\p{Cc}\p{Cs}\u2028\u2029]/gu
// As Windows ends a line; what is left would be shown as an escape at every line's end.
const RETURN = /\r(?=\n|$)/g

/** `text` with each control character but tab and newline as `\xNN` or `\uNNNN`. */
export function escapeControls(text: string): string {
  return ORDINARY.test(text) ? text : text.replace(RETURN, '').replace(CONTROL, escaped)
}

/** The same for what must stay within one line and one field of it. */
export function escapeInline(text: string): string {
  return ORDINARY_INLINE.test(text) ? text : text.replace(CONTROL_INLINE, escaped)
}

function escaped(character: string): string {
  const code = character.charCodeAt(0).toString(16)
  return code.length <= 2 ? `\\x${code.padStart(2, '0')}` : `\\u${code.padStart(4, '0')}`
}
