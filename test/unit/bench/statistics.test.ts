import { expect } from 'chai'
import { quotients, type Run, spread, toAnchor } from '../../../bench/statistics.ts'

const run = (contestant: string, round: number, sample: number): Run<number> => ({ contestant, round, sample })
const itself = (sample: number): number => sample

describe('the statistics of the bench', () => {
  it('says the median, the least and the most', () => {
    expect(spread([3, 1, 2])).to.deep.equal({ median: 2, min: 1, max: 3 })
    expect(spread([4, 1, 2, 3])).to.deep.equal({ median: 2.5, min: 1, max: 4 })
    expect(spread([7])).to.deep.equal({ median: 7, min: 7, max: 7 })
  })

  it('leaves out what was not measured', () => {
    expect(spread([Number.NaN, 2, Number.POSITIVE_INFINITY])).to.deep.equal({ median: 2, min: 2, max: 2 })
    expect(spread([Number.NaN])).to.equal(undefined)
    expect(spread([])).to.equal(undefined)
  })

  it('divides each value by the mean of the anchor just before and just after it', () => {
    const runs = [run('nginx', 0, 100), run('a', 0, 60), run('nginx', 0, 200), run('b', 0, 50), run('nginx', 0, 300)]
    const relative = toAnchor(runs, 'nginx', itself)
    expect(relative('a')).to.deep.equal([0.4])
    expect(relative('b')).to.deep.equal([0.2])
    expect(relative('nginx')).to.deep.equal([1])
  })

  it('never looks for a neighbour in another round', () => {
    const runs = [run('nginx', 0, 100), run('a', 0, 50), run('nginx', 1, 1000), run('a', 1, 100)]
    expect(toAnchor(runs, 'nginx', itself)('a')).to.deep.equal([0.5, 0.1])
  })

  it('keeps the rounds aligned where one lacks a run', () => {
    const runs = [run('nginx', 0, 100), run('nginx', 1, 100), run('a', 1, 50)]
    expect(toAnchor(runs, 'nginx', itself)('a')).to.deep.equal([Number.NaN, 0.5])
    expect(toAnchor(runs, 'nginx', itself)('nobody')).to.deep.equal([Number.NaN, Number.NaN])
  })

  it('divides round by round', () => {
    expect(quotients([1, 9], [2, 3])).to.deep.equal([0.5, 3])
    expect(quotients([1, 9], [2])).to.deep.equal([0.5, Number.NaN])
  })
})
