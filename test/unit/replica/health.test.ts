import { expect } from 'chai'
import { HealthChecks } from '../../../replica/health.ts'
import { ServeError } from '../../../shared/errors.ts'
import type { Health } from '../../../shared/protocol.ts'
import { ManualClock } from '../../helpers/clock.ts'

/** Checks with a period of 10 s and a timeout of 30 s, as far as nothing else is said. */
function start(check: () => Promise<void>, random = 0.5) {
  const clock = new ManualClock()
  const calls: number[] = []
  const changes: Health[] = []
  const checks = new HealthChecks({
    check: () => {
      calls.push(clock.time)
      return check()
    },
    timing: { healthCheckPeriodS: 10, healthCheckTimeoutS: 30 },
    clock,
    random: () => random,
    changed: (health) => changes.push(health),
  })
  return { clock, calls, changes, checks, failures: () => changes.map(({ failures }) => failures) }
}

const sick = () => Promise.reject(new ServeError('unhealthy', 'no database'))

describe('HealthChecks', () => {
  it('checks once a period, and says nothing as long as all is well', async () => {
    const { clock, calls, changes } = start(() => Promise.resolve())
    await clock.pass(35_000)
    expect(calls).to.deep.equal([10_000, 20_000, 30_000])
    expect(changes).to.deep.equal([])
  })

  it('spreads the checks of many replicas by a tenth either way', async () => {
    for (const [random, first] of [
      [0, 9_000],
      [1, 11_000],
    ] as const) {
      const { clock, calls } = start(() => Promise.resolve(), random)
      await clock.pass(12_000)
      expect(calls[0]).to.equal(first)
    }
  })

  it('says how often in a row it failed and why, and when it passed again', async () => {
    let isWell = false
    const { clock, changes } = start(() => (isWell ? Promise.resolve() : sick()))
    await clock.pass(25_000)
    isWell = true
    await clock.pass(20_000)
    expect(changes.map(({ failures, error }) => [failures, error?.message])).to.deep.equal([
      [1, 'no database'],
      [2, 'no database'],
      [0, undefined],
    ])
  })

  it('counts a check that hangs as failed at every timeout, and never calls it twice at a time', async () => {
    const { clock, calls, changes, failures } = start(() => new Promise(() => {}))
    await clock.pass(101_000)
    expect(calls).to.have.length(1)
    expect(failures()).to.deep.equal([1, 2, 3])
    expect(changes[0]?.error).to.deep.include({
      code: 'unhealthy',
      message: 'checkHealth() did not end within 30 s (healthCheckTimeoutS of its deployment)',
    })
  })

  it('takes the late answer of a slow check for what it is, and goes on', async () => {
    let finish = () => {}
    const { clock, calls, failures } = start(
      () =>
        new Promise((resolve) => {
          finish = resolve
        }),
    )
    await clock.pass(45_000)
    finish()
    await clock.pass(1_000)
    expect(failures()).to.deep.equal([1, 0])
    await clock.pass(10_000)
    expect(calls).to.have.length(2)
  })

  it('counts the period from the start of the check before', async () => {
    let finish = () => {}
    const { clock, calls } = start(
      () =>
        new Promise((resolve) => {
          finish = resolve
        }),
    )
    await clock.pass(14_000)
    finish()
    await clock.pass(7_000)
    expect(calls).to.deep.equal([10_000, 20_000])
  })

  it('does not wait for a long period to end when it becomes a short one', async () => {
    const { clock, calls, checks } = start(() => Promise.resolve())
    await clock.pass(5_000)
    checks.update({ healthCheckPeriodS: 1, healthCheckTimeoutS: 1 })
    await clock.pass(1_500)
    expect(calls).to.deep.equal([5_000, 6_000])
  })

  it('waits no longer than the timeout that is in force when the check begins', async () => {
    const { clock, failures, checks } = start(() => new Promise(() => {}))
    checks.update({ healthCheckPeriodS: 1, healthCheckTimeoutS: 2 })
    await clock.pass(3_500)
    expect(failures()).to.deep.equal([1])
  })

  it('says nothing any more once it is stopped, and leaves no timer', async () => {
    const waiting = start(() => Promise.resolve())
    waiting.checks.stop()
    expect(waiting.clock.waiting).to.equal(0)
    const checking = start(sick)
    await checking.clock.pass(9_999)
    checking.clock.time = 10_000
    checking.checks.stop()
    await checking.clock.pass(60_000)
    expect(checking.changes).to.deep.equal([])
    const hanging = start(() => new Promise(() => {}))
    await hanging.clock.pass(11_000)
    hanging.checks.stop()
    await hanging.clock.pass(60_000)
    expect(hanging.changes).to.deep.equal([])
    expect(hanging.clock.waiting).to.equal(0)
  })
})
