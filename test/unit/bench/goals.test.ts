import { expect } from 'chai'
import { GOALS, verdictOf } from '../../../bench/goals.ts'
import { goalTable } from '../../../bench/table.ts'

const seen = (median: number) => ({ median, min: median, max: median })

describe('the goals of the bench', () => {
  it('are reached, held or missed by the median', () => {
    expect(verdictOf(GOALS.nginx, seen(0.6))).to.equal('goal reached')
    expect(verdictOf(GOALS.nginx, seen(0.4))).to.equal('floor held')
    expect(verdictOf(GOALS.nginx, { median: 0.34, min: 0.1, max: 0.9 })).to.equal('floor missed')
    expect(verdictOf(GOALS.nginx, undefined)).to.equal('not measured')
  })

  it('know what is better smaller', () => {
    expect(verdictOf(GOALS.start, seen(1100))).to.equal('goal reached')
    expect(verdictOf(GOALS.start, seen(1500))).to.equal('floor held')
    expect(verdictOf(GOALS.start, seen(2001))).to.equal('floor missed')
    expect(verdictOf(GOALS['replica killed'], seen(0))).to.equal('goal reached')
    expect(verdictOf(GOALS['replica killed'], seen(1))).to.equal('floor missed')
  })

  it('miss no floor where there is none', () => {
    expect(verdictOf(GOALS['slow p99'], seen(99))).to.equal('goal not reached')
  })

  it('never have a floor that is harder to reach than the goal', () => {
    for (const [id, { better, floor, goal }] of Object.entries(GOALS)) {
      if (floor === undefined) continue
      expect(better === 'more' ? floor <= goal : floor >= goal, id).to.equal(true)
    }
  })

  it('are shown with their floors beside them', () => {
    const text = goalTable(new Map([['nginx', { median: 0.3, min: 0.25, max: 0.4 }]]))
    expect(text).to.match(/same replicas +\| 0\.30 \[0\.25–0\.40\] \| ≥ 0\.35 \| ≥ 0\.55 \| \*\*floor missed\*\* \|/)
  })
})
