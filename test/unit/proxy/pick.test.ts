import { expect } from 'chai'
import fc from 'fast-check'
import { type Criteria, pick } from '../../../proxy/pick.ts'

const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })

interface Candidate {
  readonly cost: number
  readonly open?: boolean
}

const criteria: Criteria<Candidate> = { isOpen: ({ open }) => open !== false, costOf: ({ cost }) => cost }

/** A random number that gives these in turn. */
const drawing =
  (...draws: number[]) =>
  () =>
    draws.shift() ?? 0

describe('pick', () => {
  it('picks nothing from nothing, and the only one whatever its cost', () => {
    expect(pick([], () => 0.5, criteria)).to.equal(undefined)
    expect(pick([{ cost: 9 }], () => 0.99, criteria)).to.deep.equal({ cost: 9 })
    expect(pick([{ cost: 9, open: false }], () => 0, criteria)).to.equal(undefined)
  })

  it('always takes the cheaper of two', () => {
    fc.assert(
      fc.property(fc.nat(9), fc.nat(9), random, random, (a, b, first, second) => {
        const picked = pick([{ cost: a }, { cost: b }], drawing(first, second), criteria)
        expect(picked?.cost).to.equal(Math.min(a, b))
      }),
    )
  })

  it('draws two different ones, every pair equally likely, and the first of equals', () => {
    const candidates = ['a', 'b', 'c', 'd'].map((name) => ({ name, cost: 0 }))
    const pairs = new Map<string, number>()
    for (let first = 0; first < 4; first += 1) {
      for (let second = 0; second < 3; second += 1) {
        const draw = () => drawing((first + 0.5) / 4, (second + 0.5) / 3)
        const a = pick(candidates, draw(), criteria)?.name
        const busy = candidates.map((candidate) => ({ ...candidate, cost: candidate.name === a ? 1 : 0 }))
        const pair = `${a}${pick(busy, draw(), criteria)?.name}`
        pairs.set(pair, (pairs.get(pair) ?? 0) + 1)
      }
    }
    expect(pairs.size).to.equal(12)
    expect([...pairs.keys()].every((pair) => pair[0] !== pair[1])).to.equal(true)
  })

  it('never takes the dearest of many', () => {
    const draws = fc.array(random, { minLength: 2, maxLength: 2 })
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 20 }), draws, (count, fractions) => {
        const candidates = Array.from({ length: count }, (_, cost) => ({ cost }))
        expect(pick(candidates, drawing(...fractions), criteria)?.cost).to.be.lessThan(count - 1)
      }),
    )
  })

  it('takes an open one if there is any, and never a closed one', () => {
    const candidate = fc.record({ cost: fc.nat(9), open: fc.boolean() })
    fc.assert(
      fc.property(fc.array(candidate, { maxLength: 8 }), fc.array(random, { maxLength: 4 }), (candidates, draws) => {
        const picked = pick(candidates, drawing(...draws), criteria)
        const open = candidates.filter((one) => one.open)
        if (picked === undefined) expect(open).to.deep.equal([])
        else expect(open).to.include(picked)
        if (open.length > 1)
          expect(picked?.cost).to.be.at.most(open.toSorted((a, b) => a.cost - b.cost).at(-2)?.cost ?? 9)
      }),
    )
  })
})
