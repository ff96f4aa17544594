import { expect } from 'chai'
import type { Caller } from '../../../proxy/pool.ts'
import { answered, busy, erred, leaseOf, replicaOf, settled, some, unreachable, world } from '../../helpers/pool.ts'

describe('the pool of a deployment', () => {
  it('lets a request wait until there is a replica with room, first come first served', async () => {
    const { acquire, update, pool } = world()
    update({ maxOngoingRequests: 1 })
    const [a, b, c] = [acquire(), acquire(), acquire()]
    update({ maxOngoingRequests: 1, replicas: some(1) })
    await settled()
    expect([a, b, c].map(({ admission }) => admission?.type)).to.deep.equal(['lease', undefined, undefined])
    leaseOf(a).release(answered)
    await settled()
    expect([b, c].map(({ admission }) => admission?.type)).to.deep.equal(['lease', undefined])
    update({ maxOngoingRequests: 2, replicas: some(1) })
    await settled()
    expect([c.admission?.type, pool.ongoing, pool.queued]).to.deep.equal(['lease', 2, 0])
  })

  it('counts a lease that is released twice once', () => {
    const { acquire, update, pool } = world()
    update({ replicas: some(1) })
    const [a] = [acquire(), acquire()]
    leaseOf(a).release(answered)
    leaseOf(a).release(unreachable)
    expect(pool.ongoing).to.equal(1)
    expect(acquire().admission?.type).to.equal('lease')
  })

  it('refuses more waiting requests than may wait, but not one that was admitted before', async () => {
    const { acquire, update, pool } = world()
    update({ maxOngoingRequests: 1, maxQueuedRequests: 1, replicas: some(1) })
    const [a, b, c] = [acquire(), acquire(), acquire()]
    expect(c.admission).to.deep.equal({ type: 'full', queued: 1 })
    const { turn } = leaseOf(a)
    leaseOf(a).release(unreachable)
    const again = acquire(turn)
    expect([again.admission, pool.queued]).to.deep.equal([undefined, 2])
    await settled()
    expect(b.admission).to.equal(undefined)
  })

  it('puts a request that needs another replica back to where it stood', async () => {
    const { acquire, update, clock } = world()
    update({ maxOngoingRequests: 2, replicas: some(1) })
    const first = [acquire(), acquire()]
    const [waiting, turns] = [acquire(), first.map((caller) => leaseOf(caller).turn)]
    for (const caller of first) leaseOf(caller).release(unreachable)
    const [second, one] = [acquire(turns[1]), acquire(turns[0])]
    clock.advance(1000)
    await settled()
    expect([one, second, waiting].map(({ admission }) => admission?.type)).to.deep.equal(['lease', 'lease', undefined])
  })

  it('forgets a request whose client has left', async () => {
    const { acquire, leave, update, pool } = world()
    update({})
    const [a, b] = [acquire(), acquire()]
    leave(a)
    update({ maxOngoingRequests: 1, replicas: some(1) })
    await settled()
    expect([a.admission?.type, b.admission?.type]).to.deep.equal(['gone', 'lease'])
    leave(b)
    expect(pool.ongoing).to.equal(1)
    const late: Caller = { gone: true, onGone: undefined }
    expect(pool.acquire(late)).to.deep.equal({ type: 'gone' })
  })

  it('refuses when the deployment has failed or gone, also those that wait, unless a replica still runs', async () => {
    const { acquire, update, pool } = world()
    update({})
    const waiting = acquire()
    update({ failed: true })
    await settled()
    expect([waiting, acquire()].map(({ admission }) => admission?.type)).to.deep.equal(['failed', 'failed'])
    update({ failed: true, replicas: some(1) })
    expect(acquire().admission?.type).to.equal('lease')
    pool.update(undefined)
    expect(acquire().admission?.type).to.equal('removed')
  })

  describe('with a replica that cannot be reached', () => {
    it('takes another one, and that one again after a while', () => {
      const { acquire, update, clock } = world()
      update({ replicas: some(2) })
      const bad = acquire()
      leaseOf(bad).release(unreachable)
      const others = Array.from({ length: 10 }, () => replicaOf(acquire()))
      expect(others).not.to.include(replicaOf(bad))
      clock.advance(25)
      expect(replicaOf(acquire())).to.equal(replicaOf(bad))
    })

    it('waits twice as long after every further failure, up to a second, until it has answered', async () => {
      const { acquire, update, clock } = world()
      update({ maxOngoingRequests: 1, replicas: some(1) })
      let current = acquire()
      for (const delayMs of [25, 50, 100, 200, 400, 800, 1000, 1000]) {
        leaseOf(current).release(unreachable)
        current = acquire()
        clock.advance(delayMs - 1)
        await settled()
        expect(current.admission, `${delayMs}`).to.equal(undefined)
        clock.advance(1)
        await settled()
      }
      leaseOf(current).release(answered)
      leaseOf(acquire()).release(unreachable)
      clock.advance(25)
      expect(acquire().admission?.type).to.equal('lease')
    })

    it('leaves it alone also when it comes back to the table meanwhile', () => {
      const { acquire, update, clock } = world()
      update({ replicas: some(1) })
      const [a] = [acquire(), acquire()]
      leaseOf(a).release(unreachable)
      update({})
      update({ replicas: some(1) })
      clock.advance(24)
      expect(acquire().admission).to.equal(undefined)
    })

    it('counts requests that fail together as one failure', () => {
      const { acquire, update, clock } = world()
      update({ replicas: some(1) })
      const together = Array.from({ length: 5 }, () => leaseOf(acquire()))
      for (const lease of together) lease.release(unreachable)
      clock.advance(25)
      expect(acquire().admission?.type).to.equal('lease')
    })
  })

  describe('with replicas that answer errors', () => {
    const oneAfterTheOther = (run: ReturnType<typeof world>, bad: ReadonlySet<string>, count: number): void => {
      for (let n = 0; n < count; n += 1) {
        const lease = leaseOf(run.acquire())
        lease.release(bad.has(lease.replica.id) ? erred : answered)
      }
    }

    it('avoids the one that does, and keeps requests waiting for the others', async () => {
      const run = world({ random: Math.random })
      const [bad, good] = some(2)
      run.update({ replicas: some(2), maxOngoingRequests: 1 })
      oneAfterTheOther(run, new Set(), 50)
      oneAfterTheOther(run, new Set([String(bad?.id)]), 50)
      const taken = run.acquire()
      expect(replicaOf(taken)).to.equal(good)
      const waiting = run.acquire()
      expect(waiting.admission).to.equal(undefined)
      leaseOf(taken).release(answered)
      await settled()
      expect(replicaOf(waiting)).to.equal(good)
      const late = run.acquire()
      run.clock.advance(5000)
      await settled()
      expect(replicaOf(late)).to.equal(bad)
    })

    it('uses those that do when there is no other', () => {
      const run = world({ random: Math.random })
      run.update({ replicas: some(2), maxOngoingRequests: 1 })
      oneAfterTheOther(run, new Set(), 50)
      oneAfterTheOther(run, new Set([String(some(1)[0]?.id)]), 50)
      run.update({ replicas: some(1), maxOngoingRequests: 1 })
      expect(replicaOf(run.acquire())).to.equal(some(1)[0])
    })

    it('uses those that do when the others cannot be reached', () => {
      const run = world({ random: Math.random })
      run.update({ replicas: some(2), maxOngoingRequests: 1 })
      oneAfterTheOther(run, new Set(), 50)
      oneAfterTheOther(run, new Set([String(some(1)[0]?.id)]), 50)
      leaseOf(run.acquire()).release(unreachable)
      expect(replicaOf(run.acquire())).to.equal(some(1)[0])
    })
  })

  describe('with a replica that is busy with requests of others', () => {
    it('asks it for one more at a time, first come first served, and takes all again when it is not busy any more', async () => {
      const { acquire, update, clock } = world()
      update({ replicas: some(1), maxOngoingRequests: 10 })
      const [a, b, c] = [acquire(), acquire(), acquire()]
      const turns = [a, b, c].map((caller) => leaseOf(caller).turn)
      for (const caller of [a, b, c]) leaseOf(caller).release(busy)
      const again = turns.map((turn) => acquire(turn))
      const types = () => again.map(({ admission }) => admission?.type)
      expect(types()).to.deep.equal([undefined, undefined, undefined])
      clock.advance(5)
      await settled()
      expect(types()).to.deep.equal(['lease', undefined, undefined])
      clock.advance(200)
      await settled()
      expect(types()).to.deep.equal(['lease', 'lease', 'lease'])
    })

    it('turns away a request that it sent back if as many wait as may, but not one that has waited', async () => {
      const { acquire, update, clock } = world()
      update({ replicas: some(1), maxOngoingRequests: 10, maxQueuedRequests: 1 })
      const [a, b] = [acquire(), acquire()]
      leaseOf(a).release(busy)
      const waiting = acquire(leaseOf(a).turn)
      leaseOf(b).release(busy)
      expect(acquire(leaseOf(b).turn).admission).to.deep.equal({ type: 'full', queued: 1 })
      clock.advance(5)
      await settled()
      leaseOf(waiting).release(busy)
      acquire()
      expect(acquire(leaseOf(waiting).turn).admission).to.equal(undefined)
    })
  })

  describe('of one proxy of several', () => {
    it('lets only its share wait, and tells the limit that is configured', () => {
      const run = world({ proxy: { index: 1, count: 2 } })
      run.update({ maxQueuedRequests: 3 })
      expect([run.acquire(), run.acquire()].map(({ admission }) => admission)).to.deep.equal([
        undefined,
        { type: 'full', queued: 3 },
      ])
    })
  })

  describe('with a replica that leaves the table', () => {
    it('tells so when its last request is done, once', () => {
      const { acquire, update, left } = world()
      update({ replicas: some(2) })
      const [a, b] = [acquire(), acquire()]
      update({})
      expect(left).to.deep.equal([])
      leaseOf(a).release(unreachable)
      leaseOf(b).release(answered)
      expect(left).to.have.members(some(2))
      update({})
      expect(left).to.have.length(2)
    })

    it('still knows how busy it is when it comes back', () => {
      const { acquire, update, left, pool } = world()
      update({ maxOngoingRequests: 1, replicas: some(1) })
      const a = acquire()
      update({ maxOngoingRequests: 1 })
      update({ maxOngoingRequests: 1, replicas: some(1) })
      expect(acquire().admission).to.equal(undefined)
      leaseOf(a).release(answered)
      expect([left.length, pool.ongoing]).to.deep.equal([0, 1])
    })
  })
})
