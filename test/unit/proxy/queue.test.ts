import { expect } from 'chai'
import fc from 'fast-check'
import { shareOfLimit } from '../../../proxy/queue.ts'

describe('the share of a limit', () => {
  it('sums up to the limit over all proxies, and differs by at most one', () => {
    fc.assert(
      fc.property(fc.nat(1000), fc.integer({ min: 1, max: 64 }), (limit, count) => {
        const shares = Array.from({ length: count }, (_, index) => shareOfLimit(limit, { index, count }))
        expect(shares.reduce((sum, share) => sum + share, 0)).to.equal(limit)
        expect(Math.max(...shares) - Math.min(...shares)).to.be.at.most(1)
      }),
    )
  })

  it('is no limit where there is none', () => {
    expect(shareOfLimit(-1, { index: 1, count: 2 })).to.equal(-1)
  })
})
