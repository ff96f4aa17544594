import { expect } from 'chai'
import { busyness } from '../../../bench/machine.ts'

describe('the machine of the bench', () => {
  it('is said to have been busy where that spoils the figures', () => {
    expect(busyness([0.4], 2)).to.equal('Load average before: 0.4.')
    expect(busyness([3.2], 2)).to.match(/^Load average before: 3\.2\. \*\*The machine was busy/)
  })
})
