import { expect } from 'chai'
import fc from 'fast-check'
import { Window } from '../../../proxy/window.ts'

describe('a window', () => {
  it('counts what happened in this second and the nine before it, whatever the pauses', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(12_000)), (pauses) => {
        const window = new Window()
        const happened: number[] = []
        let now = 0
        for (const pause of pauses) {
          now += pause
          window.add(now)
          happened.push(Math.floor(now / 1000))
          const recent = happened.filter((second) => second > Math.floor(now / 1000) - 10)
          expect(window.sum(now)).to.equal(recent.length)
        }
        expect(window.sum(now + 10_000)).to.equal(0)
      }),
    )
  })
})
