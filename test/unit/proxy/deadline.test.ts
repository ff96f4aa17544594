import { expect } from 'chai'
import { showFloat, timeoutS } from '../../../proxy/deadline.ts'

describe('the timeout of a request', () => {
  it('is what is configured, if anything is', () => {
    expect([timeoutS(undefined, null), timeoutS(undefined, 2)]).to.deep.equal([undefined, 2])
  })

  it('is what the client says instead, and none if that is 0 or less', () => {
    for (const [header, expected] of [
      ['0.3', 0.3],
      [' 5 ', 5],
      ['1e-3', 0.001],
      ['.5', 0.5],
      ['0', undefined],
      ['-1', undefined],
      ['1e999', undefined],
    ] as const) {
      expect([timeoutS(header, 2), timeoutS(header, null)], header).to.deep.equal([expected, expected])
    }
  })

  it('is what is configured where the client says what is no number', () => {
    for (const header of ['', 'soon', '1s', '0x10', 'NaN', 'Infinity', '1, 2', ['1']]) {
      expect(timeoutS(header, 2), String(header)).to.equal(2)
    }
  })

  it('is shown as Python shows floats', () => {
    const shown = [2, 0.3, 100, 1e15, 1e16, 1.5e22, 0.0001, 0.00001, 1.5e-7, 1e-10].map(showFloat)
    expect(shown).to.deep.equal([
      '2.0',
      '0.3',
      '100.0',
      '1000000000000000.0',
      '1e+16',
      '1.5e+22',
      '0.0001',
      '1e-05',
      '1.5e-07',
      '1e-10',
    ])
  })
})
