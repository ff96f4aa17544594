import { expect } from 'chai'
import * as places from '../../../proxy/place.ts'
import { replicas } from '../../helpers/pool.ts'

function three(): [places.Place, places.Place, places.Place] {
  const [a, b, c] = replicas.map(places.newPlace)
  if (a === undefined || b === undefined || c === undefined) throw new Error('there are four replicas')
  return [a, b, c]
}

const times = (count: number, task: () => void): void => {
  for (let n = 0; n < count; n += 1) task()
}

describe('a replica that answers errors', () => {
  it('is an outlier after five in a row if another one answers well', () => {
    const [a, b, c] = three()
    times(1000, () => places.noteSuccess(b, 0))
    times(4, () => places.noteError(a, 0))
    expect(places.isOutlier(a, [a, b, c], 0)).to.equal(false)
    places.noteError(a, 0)
    expect(places.isOutlier(a, [a, b, c], 0)).to.equal(true)
    places.noteSuccess(a, 0)
    places.noteError(a, 0)
    expect(places.isOutlier(a, [a, b, c], 0)).to.equal(false)
  })

  it('is none when it is alone, or the others err as well, or have not been heard of lately', () => {
    const [a, b, c] = three()
    times(1000, () => places.noteError(a, 0))
    expect(places.isOutlier(a, [a], 0)).to.equal(false)
    times(1000, () => places.noteSuccess(b, 0))
    expect(places.isOutlier(a, [a, b], 10_000)).to.equal(false)
    times(1500, () => places.noteError(b, 0))
    times(100, () => places.noteError(c, 0))
    expect(places.isOutlier(a, [a, b, c], 0)).to.equal(false)
  })

  it('needs the more errors in a row, the more often the best of the others errs', () => {
    const needed = (errors: number): number => {
      const [a, b] = three()
      times(1000 - errors, () => places.noteSuccess(b, 0))
      times(errors, () => places.noteError(b, 0))
      let count = 0
      while (!places.isOutlier(a, [a, b], 0)) {
        places.noteError(a, 0)
        count += 1
      }
      return count
    }
    expect([0, 10, 100, 300, 480].map(needed)).to.deep.equal([5, 5, 10, 18, 29])
  })
})

describe('a replica that is ejected', () => {
  it('comes back after five seconds, and gets its share over five more', () => {
    const [a] = three()
    places.eject(a, 1000)
    expect([5999, 6000].map((now) => places.isEjected(a, now))).to.deep.equal([true, false])
    expect([0, 5999, 6000, 8500, 11_000, 20_000].map((now) => places.shareOf(a, now))).to.deep.equal([
      1, 1, 0, 0.5, 1, 1,
    ])
  })

  it('is away twice as long each time, a minute at most, and five seconds again after a good minute', () => {
    const [a] = three()
    let now = 0
    const away = [5000, 10_000, 20_000, 40_000, 60_000, 60_000].map(() => {
      places.eject(a, now)
      now += a.ejectedForMs + 59_999
      return a.ejectedForMs
    })
    expect(away).to.deep.equal([5000, 10_000, 20_000, 40_000, 60_000, 60_000])
    places.eject(a, now + 1)
    expect(a.ejectedForMs).to.equal(5000)
  })
})

describe('a busy replica', () => {
  it('is asked for one more after 5 ms, and for more and more if it does not refuse', () => {
    const [a] = three()
    a.ongoing = 3
    expect(places.allowance(a, 100, 0)).to.equal(100)
    places.noteBusy(a, 0)
    const allowed = [0, 4, 5, 99, 100, 200, 400, 800].map((now) => places.allowance(a, 100, now))
    expect(allowed).to.deep.equal([3, 3, 4, 4, 5, 7, 19, 100])
    expect(places.allowance(a, 5, 800)).to.equal(5)
  })

  it('tells when it may take one more', () => {
    const [a] = three()
    a.ongoing = 3
    places.noteBusy(a, 0)
    expect(places.opensAt(a, 100, 1)).to.equal(5)
    a.ongoing = 4
    expect(places.opensAt(a, 100, 6)).to.equal(100)
    expect(places.opensAt(a, 4, 6)).to.equal(Number.POSITIVE_INFINITY)
  })
})
