import { expect } from 'chai'
import { orderOf } from '../../../bench/rounds.ts'

describe('the rounds of the bench', () => {
  it('put the anchor before and after everybody', () => {
    expect(orderOf(['a', 'nginx', 'b'], 'nginx', 0)).to.deep.equal(['nginx', 'a', 'nginx', 'b', 'nginx'])
  })

  it('go backwards every other time', () => {
    expect(orderOf(['a', 'nginx', 'b'], 'nginx', 1)).to.deep.equal(['nginx', 'b', 'nginx', 'a', 'nginx'])
    expect(orderOf(['a', 'b'], 'nginx', 2)).to.deep.equal(orderOf(['a', 'b'], 'nginx', 0))
  })
})
