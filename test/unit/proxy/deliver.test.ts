import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { expect } from 'chai'
import { deliver, type Result } from '../../../proxy/deliver.ts'
import type { Delivery } from '../../../proxy/forward.ts'
import type { Outcome } from '../../../proxy/outcome.ts'
import { Upload } from '../../../proxy/upload.ts'
import type { ReplicaId } from '../../../shared/ids.ts'
import type { Route } from '../../../shared/protocol.ts'
import { answered, broken, busy, draining, some, unreachable, world } from '../../helpers/pool.ts'
import { routeTo } from '../../helpers/route.ts'

/** Delivers requests to replicas that answer with these outcomes in turn, while time passes whenever somebody waits. */
function scene(route: Partial<Route>, ...outcomes: Outcome[]) {
  const { clock, pool } = world({ random: Math.random })
  const full = routeTo({ replicas: some(2), ...route })
  pool.update(full)
  const tried: ReplicaId[] = []
  const interrupted: ReplicaId[] = []
  const transport = {
    forward(_: Delivery, { id }: { id: ReplicaId }): Promise<Outcome> {
      tried.push(id)
      return Promise.resolve(outcomes.shift() ?? answered)
    },
    drop: () => {},
    close: () => {},
  }
  const send = async (method = 'GET'): Promise<Result> => {
    const request = Object.assign(new IncomingMessage(new Socket()), { method })
    const caller = { gone: false, onGone: undefined }
    const target = { origin: '/', path: '/', authority: undefined }
    const response = new ServerResponse(request)
    const upload = new Upload(request, 'none')
    const delivery = { id: '1', request, response, caller, target, headers: [], upload }
    const ended: Result[] = []
    const result = deliver(delivery, { route: full, pool }, transport, (_, replica) => void interrupted.push(replica))
    void result.then((end) => ended.push(end))
    for (let passedMs = 0; ended.length === 0 && passedMs < 10_000; passedMs += 1) {
      clock.advance(1)
      for (let n = 0; n < 10; n += 1) await Promise.resolve()
    }
    return result
  }
  return { clock, tried, interrupted, send, pool }
}

const statusOf = (result: Result): number | undefined => (result.type === 'answer' ? result.answer.status : undefined)

describe('the delivery of a request', () => {
  it('goes to another replica after one that failed, left, or had no room', async () => {
    for (const outcome of [unreachable, broken, draining, busy]) {
      const { send, tried } = scene({}, outcome)
      expect(await send()).to.deep.equal({ type: 'done' })
      expect(new Set(tried).size).to.equal(2)
    }
  })

  it('tells of each attempt that was lost with its replica, and of no other', async () => {
    const { send, interrupted, tried } = scene({}, unreachable, draining, busy, broken)
    await send()
    expect(interrupted).to.deep.equal([tried[3]])
  })

  it('goes on for as long as the replicas are busy', async () => {
    const { send, tried } = scene({}, ...Array.from({ length: 50 }, () => busy))
    expect(await send('POST')).to.deep.equal({ type: 'done' })
    expect(tried).to.have.length(51)
  })

  it('is turned away by a busy replica if as many wait as may', async () => {
    const { send, tried } = scene({ replicas: some(1), maxQueuedRequests: 0 }, busy)
    const result = await send()
    expect([statusOf(result), tried.length]).to.deep.equal([503, 1])
    expect(result.type === 'answer' && result.answer.body).to.contain('backpressure (num_queued_requests=0, max')
  })

  it('ends when ten attempts have reached no replica', async () => {
    const { send, tried } = scene({}, ...Array.from({ length: 10 }, () => unreachable))
    expect([statusOf(await send()), tried.length]).to.deep.equal([503, 10])
  })

  it('is repeated at most once after it may have been executed, and within the budget of its deployment', async () => {
    const { send, tried, clock } = scene({}, ...Array.from({ length: 100 }, () => broken))
    const attempts: number[] = []
    let last: Result | undefined
    for (let n = 0; n < 5; n += 1) {
      const before = tried.length
      last = await send()
      expect(statusOf(last)).to.equal(502)
      attempts.push(tried.length - before)
    }
    expect(attempts).to.deep.equal([2, 2, 2, 1, 1])
    expect(last).to.include({ reason: 'closed (the retry budget is used up)' })
    clock.advance(10_000)
    const before = tried.length
    await send()
    expect(tried.length - before).to.equal(2)
  })

  it('does not charge the budget for what was not executed', async () => {
    const { send, pool } = scene({}, ...Array.from({ length: 9 }, () => unreachable))
    await send()
    expect([1, 2, 3, 4].map(() => pool.retries.take())).to.deep.equal([true, true, true, false])
  })
})
