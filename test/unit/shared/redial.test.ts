import { expect } from 'chai'
import fc from 'fast-check'
import { redialDelayMs } from '../../../shared/redial.ts'

describe('redialDelayMs', () => {
  const inTheMiddle = () => 0.5

  it('starts at 50 ms, grows, and stops at a second', () => {
    const delays = [0, 1, 2, 100].map((failures) => Math.round(redialDelayMs(failures, inTheMiddle)))
    expect(delays).to.deep.equal([50, 75, 113, 1000])
  })

  it('varies by a quarter to either side', () => {
    expect(redialDelayMs(0, () => 0)).to.equal(37.5)
    expect(redialDelayMs(0, () => 1)).to.equal(62.5)
  })

  it('never waits without end, however long the outage', () => {
    const random = fc.double({ min: 0, max: 1, noNaN: true })
    const within = (failures: number, drawn: number) => {
      const delayMs = redialDelayMs(failures, () => drawn)
      return delayMs >= 37.5 && delayMs <= 1250
    }
    fc.assert(fc.property(fc.nat(), random, within))
  })
})
