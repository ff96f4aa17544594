import { catalogue, type ErrorCode, type ErrorReport } from './errors.ts'
import { PROTOCOL } from './protocol.ts'

/** Everything that travels on a control connection. The caller's messages are the cargo, never looked into. */
export type Frame = HelloFrame | WelcomeFrame | RefusalFrame | RequestFrame | AnswerFrame

/** Its shape outlives every protocol: whoever speaks another one must still be told so. */
export interface HelloFrame {
  readonly kind: 'hello'
  /** The same over all connections of one dialled channel: request ids count within it. */
  readonly instance: string
  readonly hello: unknown
}

interface WelcomeFrame {
  readonly kind: 'welcome'
}

interface RefusalFrame {
  readonly kind: 'refusal'
  readonly error: ErrorReport
}

export interface RequestFrame {
  readonly kind: 'request'
  readonly id: number
  readonly message: unknown
}

export type AnswerFrame =
  | { readonly kind: 'answer'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'failure'; readonly id: number; readonly error: ErrorReport }

/** What was parsed from JSON: any of the names that are asked for here may be there, and hold anything. */
type Untrusted = { readonly [name in Name]?: unknown }

type Name =
  | keyof HelloFrame
  | keyof RequestFrame
  | 'value'
  | 'error'
  | 'protocol'
  | 'version'
  | 'type'
  | 'code'
  | 'stack'

/** The frame that came over the wire, undefined when it is none. Written by hand, so that a replica starts without zod. */
export function readFrame(raw: unknown): Frame | undefined {
  if (!isObject(raw)) return undefined
  const { kind, id, instance, hello, message, value } = raw
  switch (kind) {
    case 'hello':
      return isInstance(instance) ? { kind, instance, hello } : undefined
    case 'welcome':
      return { kind }
    case 'refusal': {
      const error = readReport(raw.error)
      return error && { kind, error }
    }
    case 'request':
      return isId(id) ? { kind, id, message } : undefined
    case 'answer':
      return isId(id) ? { kind, id, value } : undefined
    case 'failure': {
      const error = readReport(raw.error)
      return error && isId(id) ? { kind, id, error } : undefined
    }
    default:
      return undefined
  }
}

/** Why a hello of another protocol is refused, in the words of the process that reads it; undefined when it is ours. */
export function versionMismatch(hello: unknown, version: string): string | undefined {
  if (!isObject(hello) || typeof hello.protocol !== 'number') return undefined
  if (hello.protocol === PROTOCOL) return undefined
  const theirs = typeof hello.version === 'string' ? oneLine(hello.version) : 'unknown'
  return (
    `this process speaks protocol ${hello.protocol} of batoid ${theirs}, the controller protocol ${PROTOCOL} ` +
    `of batoid ${version}: stop the cluster and start it again with one version`
  )
}

/** What to call a message in a text: its type, if it has one. */
export function nameOf(message: unknown): string {
  return isObject(message) && typeof message.type === 'string' ? `'${message.type}'` : 'a message'
}

/** Text of another process, fit for one line of a log: nothing in it can break the line or drive a terminal. */
export function oneLine(text: string): string {
  const shown = text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text
  return shown.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, escaped)
}

const MAX_SHOWN = 1000

function escaped(character: string): string {
  return `\\u{${character.codePointAt(0)?.toString(16)}}`
}

function readReport(raw: unknown): ErrorReport | undefined {
  if (!isObject(raw)) return undefined
  const { code, message, stack } = raw
  if (!isErrorCode(code) || typeof message !== 'string') return undefined
  return { code, message, stack: typeof stack === 'string' ? stack : undefined }
}

function isObject(raw: unknown): raw is Untrusted {
  return typeof raw === 'object' && raw !== null && !Array.isArray(raw)
}

function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === 'string' && Object.hasOwn(catalogue, code)
}

function isId(id: unknown): id is number {
  return Number.isSafeInteger(id) && Number(id) > 0
}

/** A uuid has 36 characters. */
function isInstance(instance: unknown): instance is string {
  return typeof instance === 'string' && instance.length > 0 && instance.length <= 64
}
