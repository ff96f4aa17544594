import { expect } from 'chai'
import { estimateMs, unknownLatency } from '../../../proxy/cost.ts'
import { isResting, newPlace } from '../../../proxy/place.ts'
import { record } from '../../../proxy/record.ts'
import { answered, broken, draining, replicas, unreachable } from '../../helpers/pool.ts'

function scene() {
  const [place] = replicas.map(newPlace)
  if (place === undefined) throw new Error('there are four replicas')
  const peers = { listed: [place], typical: unknownLatency() }
  record(place, answered, peers, 0)
  return { place, peers, estimate: () => estimateMs(place.latency, peers.typical.ms, 0) }
}

describe('the outcome of an attempt', () => {
  it('that is an error makes a replica look slower, never faster', () => {
    const { place, peers, estimate } = scene()
    const before = estimate()
    record(place, { type: 'answered', status: 500, headMs: 1 }, peers, 0)
    expect([estimate(), peers.typical.ms]).to.deep.equal([before, before])
    record(place, { type: 'answered', status: 503, headMs: 100 }, peers, 0)
    expect([estimate(), peers.typical.ms]).to.deep.equal([100, before])
  })

  it('that was no answer lets the replica rest, and counts as an error if it may have been executed', () => {
    for (const [outcome, errors] of [
      [unreachable, 0],
      [draining, 0],
      [broken, 1],
      [{ type: 'cut', reason: '' }, 1],
    ] as const) {
      const { place, peers } = scene()
      record(place, outcome, peers, 0)
      expect([isResting(place, 1), place.errorsInARow], outcome.type).to.deep.equal([true, errors])
    }
  })

  it('that was too late for any client is an error, and for one client alone at least slow', () => {
    const late = scene()
    record(late.place, { type: 'late', afterMs: 1000 }, late.peers, 0)
    const left = scene()
    record(left.place, { type: 'aborted', afterMs: 1000 }, left.peers, 0)
    expect([late.estimate(), left.estimate()]).to.deep.equal([1000, 1000].map(() => left.estimate()))
    expect(left.estimate()).to.be.greaterThan(scene().estimate())
    expect([late.place.errorsInARow, left.place.errorsInARow]).to.deep.equal([1, 0])
  })

  it('that the client or the request itself brought about says nothing', () => {
    const { place, peers } = scene()
    const before = JSON.stringify(place)
    record(place, { type: 'aborted' }, peers, 5)
    record(place, { type: 'unsendable', reason: '' }, peers, 5)
    expect(JSON.stringify(place)).to.equal(before)
  })
})
