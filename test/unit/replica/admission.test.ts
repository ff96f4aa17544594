import { expect } from 'chai'
import { Admission, PATIENCE_MS } from '../../../replica/admission.ts'
import { manualClock } from '../../helpers/pool.ts'

function world(most: number) {
  const clock = manualClock()
  const admission = new Admission(most, clock)
  const events: string[] = []
  const enter = (name: string) =>
    admission.enter({
      admit: () => events.push(`${name} in`),
      refuse: (because) => events.push(`${name} ${because}`),
    })
  return { clock, admission, events, enter }
}

describe('admission', () => {
  it('lets those at the door in when there is room, in the order in which they came', () => {
    const { events, enter } = world(2)
    const [leaveA, leaveB] = [enter('a'), enter('b')]
    enter('c')
    const leaveD = enter('d')
    enter('e')
    expect(events).to.deep.equal(['a in', 'b in'])
    leaveD()
    leaveA()
    leaveB()
    expect(events.slice(2)).to.deep.equal(['c in', 'e in'])
  })

  it('sends away as busy who has stood there too long, and nobody else', () => {
    const { events, enter, clock } = world(1)
    const leaveA = enter('a')
    enter('b')
    clock.advance(PATIENCE_MS - 1)
    const leaveC = enter('c')
    clock.advance(1)
    expect(events).to.deep.equal(['a in', 'b busy'])
    leaveA()
    clock.advance(PATIENCE_MS)
    leaveC()
    enter('d')
    expect(events.slice(2)).to.deep.equal(['c in', 'd in'])
  })

  it('counts one that leaves twice once', () => {
    const { events, enter } = world(1)
    const leave = enter('a')
    leave()
    enter('b')
    leave()
    enter('c')
    expect(events).to.deep.equal(['a in', 'b in'])
  })

  it('drains: refuses who comes and who stands at the door, and is done when the last one has left', async () => {
    const { admission, events, enter } = world(1)
    const leave = enter('a')
    enter('b')
    let isDone = false
    const drained = admission.drain().then(() => {
      isDone = true
    })
    enter('c')
    await Promise.resolve()
    expect([events, isDone]).to.deep.equal([['a in', 'b draining', 'c draining'], false])
    leave()
    await drained
    await world(1).admission.drain()
  })
})
