import { expect } from 'chai'
import fc from 'fast-check'
import { RetryBudget } from '../../../proxy/budget.ts'
import { manualClock } from '../../helpers/pool.ts'

describe('the retry budget', () => {
  it('allows three however few requests there are, and again ten seconds later', () => {
    const clock = manualClock()
    const budget = new RetryBudget(clock)
    expect([1, 2, 3, 4].map(() => budget.take())).to.deep.equal([true, true, true, false])
    clock.advance(10_000)
    expect(budget.take()).to.equal(true)
  })

  it('never allows more than three or a fifth of the requests, and no fewer', () => {
    const step = fc.oneof(fc.nat(3000), fc.constant('request' as const), fc.constant('retry' as const))
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300, size: 'max' }), (steps) => {
        const clock = manualClock()
        const budget = new RetryBudget(clock)
        const [requests, retries]: [number[], number[]] = [[], []]
        const second = (): number => Math.floor(clock.now() / 1000)
        const recent = (seconds: number[]): number => seconds.filter((one) => one > second() - 10).length
        for (const next of steps) {
          if (typeof next === 'number') clock.advance(next)
          else if (next === 'request') {
            budget.countRequest(clock.now())
            requests.push(second())
          } else {
            const isAllowed = recent(retries) + 1 <= Math.max(3, recent(requests) / 5)
            expect(budget.take()).to.equal(isAllowed)
            if (isAllowed) retries.push(second())
          }
        }
      }),
    )
  })
})
