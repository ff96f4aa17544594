import { expect } from 'chai'
import { atCapacity, maxStartFailures } from '../../../controller/policy.ts'

describe('the target capacity', () => {
  it('is rounded half up, and leaves at least one replica unless it is 0', () => {
    const replicas = [1, 2, 3, 5, 10]
    const at = (capacity: number | null) => replicas.map((n) => atCapacity(n, capacity)).join()
    expect(at(null)).to.equal('1,2,3,5,10')
    expect(at(100)).to.equal('1,2,3,5,10')
    expect(at(50)).to.equal('1,1,2,3,5')
    expect(at(1)).to.equal('1,1,1,1,1')
    expect(at(0)).to.equal('0,0,0,0,0')
  })

  it('of no replica is none', () =>
    expect([null, 100, 50].map((capacity) => atCapacity(0, capacity))).to.deep.equal([0, 0, 0]))
})

describe('how often a start may fail', () => {
  it("is Ray's limit, and at least once, so that a deployment without replicas has not failed", () => {
    expect([maxStartFailures(20, 2), maxStartFailures(2, 2), maxStartFailures(20, 0)]).to.deep.equal([6, 2, 1])
  })
})
