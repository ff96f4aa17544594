import { expect } from 'chai'
import { atCapacity } from '../../../controller/policy.ts'

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
})
