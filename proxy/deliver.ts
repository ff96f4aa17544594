import type { Route } from '../shared/protocol.ts'
import { type Answer, backpressure, deployFailed, failed, notFound, unavailable, unsendable } from './answers.ts'
import type { Delivery, Transport } from './forward.ts'
import { mayRetry, type Outcome } from './outcome.ts'
import type { Admission, Verdict } from './pool.ts'
import type { Destination } from './routing.ts'

/** What is left to do for a request. `reason` is for the log alone. */
export type Result =
  | { readonly type: 'done' }
  | { readonly type: 'answer'; readonly answer: Answer; readonly reason?: string }
  /** To show the client that its answer is incomplete. */
  | { readonly type: 'cut'; readonly reason: string }

/** Takes a request to one replica after the other, until one has answered or there is nothing more that may be tried. */
export async function deliver(
  delivery: Delivery,
  { route, pool }: Destination,
  transport: Pick<Transport, 'forward'>,
): Promise<Result> {
  const { request, upload, caller, target } = delivery
  let turn: number | undefined
  let broken = 0
  for (let attempts = 1; ; attempts += 1) {
    const admission = await pool.acquire(caller, turn)
    if (admission.type !== 'lease') return refusal(admission, route, target.path)
    const { lease } = admission
    turn = lease.turn
    const outcome = await transport.forward(delivery, lease.replica)
    lease.release(verdict(outcome))
    if (outcome.type === 'broken') broken += 1
    const tried = {
      method: request.method ?? '',
      hasIdempotencyKey: 'idempotency-key' in request.headers,
      replayable: upload.isWhole,
      attempts,
      broken,
    }
    if (!mayRetry(outcome, tried)) return result(outcome, route)
  }
}

function refusal(admission: Exclude<Admission, { type: 'lease' }>, route: Route, path: string): Result {
  switch (admission.type) {
    case 'full':
      return { type: 'answer', answer: backpressure(admission.queued, route) }
    case 'failed':
      return { type: 'answer', answer: deployFailed(route.deployment) }
    case 'removed':
      return { type: 'answer', answer: notFound(path) }
    case 'gone':
      return { type: 'done' }
  }
}

function result(outcome: Outcome, { deployment }: Route): Result {
  switch (outcome.type) {
    case 'answered':
    case 'aborted':
      return { type: 'done' }
    case 'refused':
      return { type: 'answer', answer: unavailable(deployment), reason: outcome.reason }
    case 'broken':
      return { type: 'answer', answer: failed, reason: outcome.reason }
    case 'unsendable':
      return { type: 'answer', answer: unsendable, reason: outcome.reason }
    case 'cut':
      return outcome
  }
}

function verdict({ type }: Outcome): Verdict {
  switch (type) {
    case 'answered':
      return 'answered'
    case 'refused':
    case 'broken':
    case 'cut':
      return 'unreachable'
    case 'aborted':
    case 'unsendable':
      return 'unknown'
  }
}
