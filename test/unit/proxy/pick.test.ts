import { expect } from 'chai'
import fc from 'fast-check'
import { pick } from '../../../proxy/pick.ts'

const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })

describe('pick', () => {
  it('picks nothing from nothing, and the only one whatever its load', () => {
    expect(pick([], () => 0.5)).to.equal(undefined)
    expect(pick([{ ongoing: 9 }], () => 0.99)).to.deep.equal({ ongoing: 9 })
  })

  it('always takes the less busy of two', () => {
    fc.assert(
      fc.property(fc.nat(9), fc.nat(9), random, random, (a, b, first, second) => {
        const draws = [first, second]
        const picked = pick([{ ongoing: a }, { ongoing: b }], () => draws.shift() ?? 0)
        expect(picked?.ongoing).to.equal(Math.min(a, b))
      }),
    )
  })

  it('draws two different ones, every pair equally likely, and the first of equals', () => {
    const candidates = ['a', 'b', 'c', 'd'].map((name) => ({ name, ongoing: 0 }))
    const pairs = new Map<string, number>()
    for (let first = 0; first < 4; first += 1) {
      for (let second = 0; second < 3; second += 1) {
        const draw = () => {
          const draws = [(first + 0.5) / 4, (second + 0.5) / 3]
          return () => draws.shift() ?? 0
        }
        const a = pick(candidates, draw())?.name
        const busy = candidates.map((candidate) => ({ ...candidate, ongoing: candidate.name === a ? 1 : 0 }))
        const pair = `${a}${pick(busy, draw())?.name}`
        pairs.set(pair, (pairs.get(pair) ?? 0) + 1)
      }
    }
    expect(pairs.size).to.equal(12)
    expect([...pairs.keys()].every((pair) => pair[0] !== pair[1])).to.equal(true)
  })

  it('never takes the busiest of many', () => {
    const draws = fc.array(random, { minLength: 2, maxLength: 2 })
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 20 }), draws, (count, fractions) => {
        const candidates = Array.from({ length: count }, (_, ongoing) => ({ ongoing }))
        expect(pick(candidates, () => fractions.shift() ?? 0)?.ongoing).to.be.lessThan(count - 1)
      }),
    )
  })
})
