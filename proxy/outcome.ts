import type { Refusal } from '../shared/headers.ts'

/** How one attempt to have a request answered by one replica ended. */
export type Outcome =
  /** The last byte of the replica's answer has arrived. */
  | {
      readonly type: 'answered'
      readonly status: number
      /** From the attempt's beginning to the head of the answer. */
      readonly headMs: number
      /** A WebSocket that the replica ended without a word, as when it dies. */
      readonly isLost?: boolean
    }
  /** The replica could not be reached: nothing was executed. */
  | { readonly type: 'refused'; readonly reason: string }
  /** Its admission said no: nothing was executed. */
  | { readonly type: Refusal }
  /** The replica was lost, or made no sense, before the first byte of an answer went to the client; it may have executed. */
  | { readonly type: 'broken'; readonly reason: string }
  /** The replica was lost in the middle of its answer. */
  | { readonly type: 'cut'; readonly reason: string }
  /** The client left first, or had set a time of its own, which is up. */
  | { readonly type: 'aborted'; readonly afterMs?: number }
  /** The time that any request may take is up. */
  | { readonly type: 'late'; readonly afterMs: number }
  /** The request cannot be put on the wire. */
  | { readonly type: 'unsendable'; readonly reason: string }

/** Whether the replica was lost with the request, or seems to have been. */
export function isInterrupted(outcome: Outcome): boolean {
  return outcome.type === 'broken' || outcome.type === 'cut' || (outcome.type === 'answered' && outcome.isLost === true)
}

/** What the proxy knows of a request when an attempt has ended. */
export interface Tried {
  readonly method: string
  readonly hasIdempotencyKey: boolean
  /** The body can be sent once more from its first byte. */
  readonly replayable: boolean
  /** How many attempts, with the one that has just ended, reached no replica, */
  readonly refused: number
  /** and how many may have been executed. */
  readonly broken: number
}

/** With the time a replica is put aside doubling, ten attempts on a lone replica take about five seconds. */
const MAX_REFUSED = 10

/** RFC 9110, 9.2.2. */
const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'TRACE'])

/**
 * Nothing executed: any method, and for as long as replicas are only busy. Possibly executed: once more if repeating it
 * does no harm, and the retry budget allows it. Never after the first byte.
 */
export function mayRetry(outcome: Outcome, tried: Tried): 'yes' | 'within budget' | 'no' {
  if (!tried.replayable) return 'no'
  switch (outcome.type) {
    case 'busy':
    case 'draining':
      return 'yes'
    case 'refused':
      return tried.refused < MAX_REFUSED ? 'yes' : 'no'
    case 'broken':
      return tried.broken === 1 && (tried.hasIdempotencyKey || IDEMPOTENT.has(tried.method)) ? 'within budget' : 'no'
    case 'answered':
    case 'cut':
    case 'aborted':
    case 'late':
    case 'unsendable':
      return 'no'
  }
}

export interface SystemError {
  readonly message: string
  readonly code?: string | undefined
  /** Set by the kernel's errors, not by Node's own "socket hang up". */
  readonly syscall?: string | undefined
}

/** How much of a request had been handed to the kernel, and in how many pieces. */
export type Sent = 'nothing' | 'in one write' | 'in parts'

/**
 * What an error before the answer means. The kernel knows better than guesses about idle times: on a Unix socket it
 * says EPIPE when the peer had closed before the write, and ECONNRESET when the peer closed with the data unread.
 * So where the whole request left in one write, neither has been executed; end of file means that it was read.
 */
export function outcomeOf(error: SystemError, sent: Sent): Outcome {
  const reason = error.message
  if (sent === 'nothing' || error.syscall === 'connect') return { type: 'refused', reason }
  const isUnread = error.syscall !== undefined && (error.code === 'EPIPE' || error.code === 'ECONNRESET')
  return { type: isUnread && sent === 'in one write' ? 'refused' : 'broken', reason }
}
