import { expect } from 'chai'
import fc from 'fast-check'
import { redialDelayMs } from '../../../shared/redial.ts'

describe('redialDelayMs', () => {
  it('starts at 50 ms, grows, and stops at a second', () => {
    const delays = [0, 1, 2, 100].map((failures) => Math.round(redialDelayMs(failures, () => 0.5)))
    expect(delays).to.deep.equal([50, 75, 113, 1000])
  })

  it('varies by a quarter to either side', () => {
    expect(redialDelayMs(0, () => 0)).to.equal(37.5)
    expect(redialDelayMs(0, () => 1)).to.equal(62.5)
  })

  it('never waits without end, however long the outage', () => {
    const random = fc.double({ min: 0, max: 1, noNaN: true })
    fc.assert(
      fc.property(fc.nat(), random, (failures, drawn) => {
        expect(redialDelayMs(failures, () => drawn)).to.be.within(37.5, 1250)
      }),
    )
  })
})
