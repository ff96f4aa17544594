import { expect } from 'chai'
import { figure, spreadText, table } from '../../../bench/table.ts'

describe('the tables of the bench', () => {
  it('are Markdown whose columns line up', () => {
    expect(
      table(
        ['', 'req/s'],
        [
          ['nginx', '20453'],
          ['batoid', '–'],
        ],
      ),
    ).to.equal(['|        | req/s |', '| ------ | ----: |', '| nginx  | 20453 |', '| batoid |     – |'].join('\n'))
  })

  it('show as many digits as a figure bears', () => {
    expect([0.123, 1, 9.876, 12.34, 123.4, undefined, Number.NaN].map(figure)).to.deep.equal([
      '0.12',
      '1',
      '9.88',
      '12.3',
      '123',
      '–',
      '–',
    ])
  })

  it('show the range only where there is one', () => {
    expect(spreadText({ median: 0.5, min: 0.4, max: 0.6 })).to.equal('0.50 [0.40–0.60]')
    expect(spreadText({ median: 2, min: 2, max: 2 })).to.equal('2')
    expect(spreadText(undefined)).to.equal('–')
  })
})
