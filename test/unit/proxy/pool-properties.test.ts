import { expect } from 'chai'
import fc from 'fast-check'
import type { Outcome } from '../../../proxy/outcome.ts'
import type { Lease } from '../../../proxy/pool.ts'
import type { ReplicaId } from '../../../shared/ids.ts'
import type { Route } from '../../../shared/protocol.ts'
import {
  answered,
  broken,
  busy,
  draining,
  erred,
  replicas,
  unreachable,
  type World,
  world,
} from '../../helpers/pool.ts'
import { routeTo } from '../../helpers/route.ts'

/** As long as a replica may rest. */
const LONG_MS = 1000

/** Longer than a replica is ever ejected. */
const LONGEST_MS = 60_000

type Step =
  | { type: 'acquire' }
  | { type: 'release'; which: number; outcome: Outcome; again: boolean }
  | { type: 'leave'; which: number }
  | { type: 'advance'; byMs: number }
  | { type: 'update'; mask: number; most: number; failed: boolean }
  | { type: 'remove' }

const outcome = fc.constantFrom<Outcome>(
  answered,
  erred,
  unreachable,
  busy,
  draining,
  broken,
  { type: 'aborted' },
  { type: 'cut', reason: '' },
  { type: 'unsendable', reason: '' },
)
const which = fc.nat(99)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ type: fc.constant('acquire' as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({ type: fc.constant('release' as const), which, outcome, again: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('leave' as const), which }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('advance' as const), byMs: fc.nat(1500) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('update' as const),
      mask: fc.nat(15),
      most: fc.nat(3),
      failed: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('remove' as const) }) },
)

/** After these a replica may be left alone for a while. */
const RESTING: ReadonlySet<Outcome['type']> = new Set(['refused', 'busy', 'draining', 'broken', 'cut'])

/** What must be true of a pool, worked out from what was done to it and what came of it alone. */
class Model {
  readonly run: World = world()
  readonly held = new Set<Lease>()
  readonly #failedAt = new Map<ReplicaId, number>()
  readonly #erredAt = new Map<ReplicaId, number>()
  #granted = -1
  #route: Route | undefined

  perform(next: Step): void {
    switch (next.type) {
      case 'acquire':
        return void this.run.acquire()
      case 'release': {
        const lease = [...this.held][next.which % this.held.size]
        return lease && this.release(lease, next.outcome, next.again)
      }
      case 'leave': {
        const caller = this.run.asked[next.which % this.run.asked.length]
        return caller?.gone === false ? this.run.leave(caller) : undefined
      }
      case 'advance':
        return this.run.clock.advance(next.byMs)
      case 'update': {
        const listed = replicas.filter((_, n) => (next.mask >> n) % 2 === 1)
        return this.update(routeTo({ replicas: listed, maxOngoingRequests: next.most, failed: next.failed }))
      }
      case 'remove':
        return this.update(undefined)
    }
  }

  update(route: Route | undefined): void {
    this.#route = route
    this.run.pool.update(route)
  }

  release(lease: Lease, said: Outcome, again: boolean): void {
    this.held.delete(lease)
    const now = this.run.clock.now()
    const { id } = lease.replica
    if (RESTING.has(said.type)) this.#failedAt.set(id, now)
    if (said === erred || said.type === 'broken' || said.type === 'cut') this.#erredAt.set(id, now)
    lease.release(said)
    if (again) lease.release(answered)
  }

  async observe(): Promise<void> {
    await Promise.resolve()
    await Promise.resolve()
    const before = this.#granted
    for (const [n, { admission }] of this.run.asked.entries()) {
      if (admission?.type !== 'lease' || this.held.has(admission.lease) || n <= before) continue
      this.held.add(admission.lease)
      this.#granted = n
      expect(this.#ongoingOf(admission.lease.replica.id)).to.be.at.most(this.#route?.maxOngoingRequests ?? 0)
    }
    // In order: nobody before the last one that got a lease still waits.
    const waiting = this.run.asked.flatMap(({ admission }, n) => (admission === undefined ? [n] : []))
    for (const n of waiting) expect(n).to.be.greaterThan(this.#granted)
    expect([this.run.pool.ongoing, this.run.pool.queued]).to.deep.equal([this.held.size, waiting.length])
    if (waiting.length > 0) this.#expectNoRoom()
  }

  /** Each replica is full, or has failed or refused, or errs where another does not that is full. */
  #expectNoRoom(): void {
    const listed = this.#route?.replicas ?? []
    const since = (id: ReplicaId, times: Map<ReplicaId, number>): number =>
      this.run.clock.now() - (times.get(id) ?? Number.NEGATIVE_INFINITY)
    const isShut = (id: ReplicaId): boolean =>
      this.#ongoingOf(id) >= (this.#route?.maxOngoingRequests ?? 0) || since(id, this.#failedAt) < LONG_MS
    for (const { id } of listed) {
      const mayBeEjected = since(id, this.#erredAt) < LONGEST_MS && listed.some((other) => isShut(other.id))
      expect(isShut(id) || mayBeEjected).to.equal(true)
    }
  }

  #ongoingOf(id: ReplicaId): number {
    return [...this.held].filter(({ replica }) => replica.id === id).length
  }
}

describe('the pool of a deployment, whatever happens', () => {
  it('never overloads a replica, lets nobody wait while there is room, keeps the order and loses nothing', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const model = new Model()
        const { run } = model
        model.update(routeTo())
        for (const next of steps) {
          model.perform(next)
          await model.observe()
        }
        model.update(routeTo({ replicas, maxOngoingRequests: 1 }))
        for (let round = 0; round <= run.asked.length; round += 1) {
          run.clock.advance(LONG_MS)
          await model.observe()
          for (const lease of model.held) model.release(lease, answered, false)
          await model.observe()
        }
        for (const lease of model.held) model.release(lease, answered, true)
        expect([run.pool.ongoing, run.pool.queued]).to.deep.equal([0, 0])
        expect(run.asked.filter(({ admission }) => admission === undefined)).to.deep.equal([])
        run.pool.update(undefined)
        expect([...new Set(run.left)]).to.have.members([...replicas])
      }),
      { numRuns: 500 },
    )
  })
})
