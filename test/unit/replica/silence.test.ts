import { expect } from 'chai'
import { hear, isSuspect, look, opinion, type Silence, silenceFrom } from '../../../replica/silence.ts'

const LIMIT_MS = 90_000

/** Looks at a main thread every 250 ms: `share` of that time it computes. Its answer to each question is `answer`. */
function silentFor(ms: number, share: number, answer: 'in time' | 'missing' | undefined): Silence {
  let silence = silenceFrom({ now: 0, beats: 7, cpuMs: 0 })
  for (let now = 250; now <= ms; now += 250) {
    silence = look(silence, { now, beats: 7, cpuMs: now * share })
    if (answer !== undefined && isSuspect(silence)) silence = hear(silence, answer)
  }
  return silence
}

describe('what to think of a main thread that gives no sign', () => {
  it('is nothing as long as it gives some', () => {
    let silence = silenceFrom({ now: 0, beats: 0, cpuMs: 0 })
    for (let i = 1; i < 100; i += 1) {
      silence = look(silence, { now: i * 250, beats: i, cpuMs: i * 250 })
      expect(isSuspect(silence)).to.equal(false)
      expect(opinion(silence, LIMIT_MS)).to.equal('well')
    }
  })

  it('is that it runs JavaScript without end, when it computes and answers, within 1.25 s', () => {
    expect(opinion(silentFor(1000, 1, 'in time'), LIMIT_MS)).to.equal('looping')
  })

  it('is nothing bad when it computes and does not answer: that is native code', () => {
    expect(opinion(silentFor(60_000, 1, 'missing'), LIMIT_MS)).to.equal('well')
  })

  it('takes more than one answer: there may be one between two native calls', () => {
    let silence = silentFor(1000, 1, 'missing')
    for (let i = 0; i < 10; i += 1) silence = hear(hear(silence, 'in time'), 'missing')
    expect(opinion(silence, LIMIT_MS)).to.equal('well')
  })

  it('is nothing bad when it waits in a native call', () => {
    expect(isSuspect(silentFor(60_000, 0, undefined))).to.equal(false)
  })

  it('comes later on a machine that lets it run only now and then', () => {
    expect(isSuspect(silentFor(2_000, 0.1, undefined))).to.equal(false)
    expect(isSuspect(silentFor(2_500, 0.1, undefined))).to.equal(true)
  })

  it('does not come from a stop of the whole process, or a machine that slept', () => {
    const before = silenceFrom({ now: 0, beats: 7, cpuMs: 0 })
    const after = look(before, { now: 3_600_000, beats: 7, cpuMs: 300 })
    expect(isSuspect(after)).to.equal(false)
    expect(opinion(after, LIMIT_MS)).to.equal('well')
  })

  it('is good again with the first sign', () => {
    const looping = silentFor(5_000, 1, 'in time')
    expect(opinion(looping, LIMIT_MS)).to.equal('looping')
    expect(opinion(look(looping, { now: 5_250, beats: 8, cpuMs: 5_250 }), LIMIT_MS)).to.equal('well')
  })

  it('is good again when it has gone from JavaScript into native code, but not for one slow answer', () => {
    let silence = hear(silentFor(5_000, 1, 'in time'), 'missing')
    expect(opinion(silence, LIMIT_MS)).to.equal('looping')
    for (let i = 0; i < 19; i += 1) silence = hear(silence, 'missing')
    expect(opinion(silence, LIMIT_MS)).to.equal('well')
  })

  it('is bad in the end whatever it does', () => {
    expect(opinion(silentFor(89_000, 0, undefined), LIMIT_MS)).to.equal('well')
    expect(opinion(silentFor(90_000, 0, undefined), LIMIT_MS)).to.equal('silent')
  })
})
