import type { DeploymentId, ReplicaId } from '../shared/ids.ts'
import type { Route } from '../shared/protocol.ts'
import { type Answer, backpressure, deployFailed, lost, notFound, unavailable, unsendable } from './answers.ts'
import type { Delivery, Transport } from './forward.ts'
import { isInterrupted, mayRetry, type Outcome } from './outcome.ts'
import type { Admission } from './pool.ts'
import type { Turn } from './queue.ts'
import type { Destination } from './routing.ts'

/** What is left to do for a request. `reason` is for the log alone. */
export type Result =
  | { readonly type: 'done' }
  | { readonly type: 'answer'; readonly answer: Answer; readonly reason?: string }
  /** To show the client that its answer is incomplete. */
  | { readonly type: 'cut'; readonly reason: string }

/** Hears of each request that was lost with its replica, or nearly so. */
export type Interrupted = (deployment: DeploymentId, replica: ReplicaId, requestId: string) => void

/** Takes a request to one replica after the other, until one has answered or there is nothing more that may be tried. */
export async function deliver(
  delivery: Delivery,
  { route, pool }: Destination,
  transport: Pick<Transport, 'forward'>,
  interrupted: Interrupted,
): Promise<Result> {
  const { request, upload, caller, target } = delivery
  let turn: Turn | undefined
  let [refused, broken] = [0, 0]
  for (;;) {
    const admitted = pool.acquire(caller, turn)
    // While it waits: that the client leaves is seen only on a connection that is read.
    if (admitted instanceof Promise) upload.readAhead()
    const admission = await admitted
    if (admission.type !== 'lease') return refusal(admission, route, target.path)
    const { lease } = admission
    turn = lease.turn
    const outcome = await transport.forward(delivery, lease.replica)
    lease.release(outcome)
    if (isInterrupted(outcome)) interrupted(route.deployment, lease.replica.id, delivery.id)
    if (outcome.type === 'refused') refused += 1
    if (outcome.type === 'broken') broken += 1
    const method = request.method ?? ''
    const hasIdempotencyKey = 'idempotency-key' in request.headers
    const retry = mayRetry(outcome, { method, hasIdempotencyKey, replayable: upload.isWhole, refused, broken })
    if (retry === 'no') return result(outcome, route)
    if (retry === 'within budget' && !pool.retries.take())
      return result(outcome, route, ' (the retry budget is used up)')
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

function result(outcome: Outcome, { deployment }: Route, remark = ''): Result {
  switch (outcome.type) {
    case 'answered':
    case 'aborted':
    case 'late':
      return { type: 'done' }
    case 'busy':
    case 'draining':
      return { type: 'answer', answer: unavailable(deployment), reason: `the replica is ${outcome.type}` }
    case 'refused':
      return { type: 'answer', answer: unavailable(deployment), reason: outcome.reason }
    case 'broken':
      return { type: 'answer', answer: lost, reason: outcome.reason + remark }
    case 'unsendable':
      return { type: 'answer', answer: unsendable, reason: outcome.reason }
    case 'cut':
      return outcome
  }
}
