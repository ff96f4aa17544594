import { expect } from 'chai'
import { DECAY_MS, estimateMs, learnMean, learnPeak, unknownLatency } from '../../../proxy/cost.ts'
import { type Behaviour, oneThread, quantile, shareOf, simulate } from '../../helpers/simulation.ts'

describe('the expected latency of a replica', () => {
  it('is what is typical where nothing is known', () => {
    expect(estimateMs(unknownLatency(), 7, 0)).to.equal(7)
  })

  it('rises at once, and falls over time', () => {
    const latency = unknownLatency()
    learnPeak(latency, 5, 100, 0)
    expect(estimateMs(latency, 5, 0)).to.equal(100)
    learnPeak(latency, 5, 5, DECAY_MS / 10)
    expect(latency.ms).to.be.within(75, 99)
  })

  it('returns to what is typical when nothing is heard, from above and from below, however extreme', () => {
    const [slow, fast] = [unknownLatency(), unknownLatency()]
    learnPeak(slow, 5, 100_000, 0)
    learnPeak(fast, 1, 1, 0)
    for (const latency of [slow, fast]) expect(estimateMs(latency, 5, 6 * DECAY_MS)).to.be.closeTo(5, 0.5)
  })

  it('is compared with a mean over all answers that forgets as fast', () => {
    const typical = unknownLatency()
    learnMean(typical, 10, 0)
    expect(typical.ms).to.equal(10)
    learnMean(typical, 20, DECAY_MS)
    expect(typical.ms).to.be.closeTo(20 - 10 / Math.E, 1e-9)
  })
})

describe('two choices by ongoing requests and latency, simulated', () => {
  const around =
    (ms: number): Behaviour =>
    (_, random) => ({ headMs: ms * (0.8 + 0.4 * random()) })
  const oneSlow = (): Behaviour[] => [around(100), around(5), around(5), around(5)]
  const roundRobin = (nth: number): number => nth % 4
  const warm = { untilMs: 8000 }

  for (const load of [{ clients: 1 }, { clients: 32 }, { rate: 50 }, { rate: 1000 }]) {
    it(`keeps the p99 near that of the fast ones with one replica of four slow (${JSON.stringify(load)})`, () => {
      const done = simulate(oneSlow(), { ...warm, ...load }).filter(({ at }) => at > 2000)
      expect(
        quantile(
          done.map(({ latencyMs }) => latencyMs),
          0.99,
        ),
      ).to.be.below(10)
      expect(shareOf(done, 0)).to.be.within(0.0001, 0.01)
    })
  }

  it('answers more than four times as many requests as round robin with one replica of four slow', () => {
    const load = { ...warm, clients: 32 }
    expect(simulate(oneSlow(), load).length / simulate(oneSlow(), load, roundRobin).length).to.be.above(4)
  })

  for (const load of [{ clients: 1 }, { clients: 8 }, { rate: 20 }, { rate: 300 }]) {
    it(`gives a replica its share again within ten seconds of being fast again (${JSON.stringify(load)})`, () => {
      const wasSlow: Behaviour = (now, random) => around(now < 10_000 ? 100 : 5)(now, random)
      const done = simulate([wasSlow, around(5), around(5), around(5)], { untilMs: 40_000, ...load })
      expect(
        shareOf(
          done.filter(({ at }) => at > 2000 && at < 10_000),
          0,
        ),
      ).to.be.below(0.05)
      expect(
        shareOf(
          done.filter(({ at }) => at > 20_000),
          0,
        ),
      ).to.be.within(0.18, 0.32)
    })
  }

  it('gives equal replicas equal shares, and shorter queues than round robin', () => {
    const four = (): Behaviour[] => Array.from({ length: 4 }, () => oneThread((random) => 5 * (0.5 + random())))
    const load = { untilMs: 20_000, rate: 600 }
    const [done, other] = [simulate(four(), load), simulate(four(), load, roundRobin)]
    for (const replica of [0, 1, 2, 3]) expect(shareOf(done, replica)).to.be.closeTo(0.25, 0.03)
    const [p99, otherP99] = [done, other].map((all) =>
      quantile(
        all.map(({ latencyMs }) => latencyMs),
        0.99,
      ),
    )
    expect(p99).to.be.below(otherP99 ?? 0)
  })

  it('does not flood a replica that is new', () => {
    const done = simulate([around(100), around(5), around(5), around(5)], { untilMs: 300, clients: 32 })
    expect(done.filter(({ replica }) => replica === 0).length).to.be.within(1, 16)
  })

  it('does not send requests to a replica that answers errors at once, and takes it back slowly', () => {
    const hole: Behaviour = (now, random) =>
      now > 5000 && now < 15_000 ? { headMs: 1, status: 500 } : around(5)(now, random)
    for (const load of [{ clients: 4 }, { rate: 300 }]) {
      const done = simulate([hole, around(5), around(5), around(5)], { untilMs: 40_000, ...load })
      expect(done.filter(({ status }) => status === 500).length).to.be.within(5, 50)
      const seconds = Array.from({ length: 40 }, (_, second) =>
        shareOf(
          done.filter(({ at }) => Math.floor(at / 1000) === second),
          0,
        ),
      )
      expect(seconds.slice(7, 15).every((share) => share < 0.03)).to.equal(true)
      expect(seconds.filter((share) => share > 0.03 && share < 0.2).length).to.be.above(1)
      expect(
        shareOf(
          done.filter(({ at }) => at > 32_000),
          0,
        ),
      ).to.be.closeTo(0.25, 0.05)
    }
  })

  it('goes on as before when all replicas answer errors alike', () => {
    const erring: Behaviour = (now, random) => ({
      headMs: around(5)(now, random).headMs,
      status: random() < 0.4 ? 500 : 200,
    })
    const done = simulate([erring, erring, erring, erring], { untilMs: 20_000, rate: 300 })
    for (let second = 0; second < 20; second += 5) {
      const part = done.filter(({ at }) => at >= second * 1000 && at < (second + 5) * 1000)
      for (const replica of [0, 1, 2, 3]) expect(shareOf(part, replica)).to.be.closeTo(0.25, 0.08)
    }
  })
})
