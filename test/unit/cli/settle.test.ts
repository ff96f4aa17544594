import { expect } from 'chai'
import { Settle } from '../../../cli/settle.ts'
import { ManualClock } from '../../helpers/clock.ts'

describe('what stirs', () => {
  function scene() {
    const clock = new ManualClock()
    const at: number[] = []
    const settle = new Settle({ clock, quietMs: 100, longestMs: 1_000, settled: () => at.push(clock.time) })
    const stir = async (times: number, everyMs: number) => {
      for (let n = 0; n < times; n += 1) {
        settle.stir()
        await clock.pass(everyMs)
      }
    }
    return { clock, at, settle, stir }
  }

  it('has settled once nothing stirs for a while, and can stir again', async () => {
    const { at, stir, clock } = scene()
    await stir(3, 50)
    await clock.pass(1_000)
    expect(at).to.deep.equal([200])
    await stir(1, 500)
    expect(at).to.deep.equal([200, 1_250])
  })

  it('counts as settled a while after it began, although it never rests', async () => {
    const { at, stir } = scene()
    await stir(50, 50)
    expect(at).to.deep.equal([1_000, 2_000])
  })

  it('does not settle any more once it is stopped', async () => {
    const { at, settle, clock } = scene()
    settle.stir()
    settle.stop()
    await clock.pass(5_000)
    expect(at).to.deep.equal([])
  })
})
