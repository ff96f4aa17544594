import { expect } from 'chai'
import { Interruptions } from '../../../proxy/interruptions.ts'
import { deploymentId, type ReplicaId } from '../../../shared/ids.ts'
import type { Interruption } from '../../../shared/protocol.ts'
import { ManualClock } from '../../helpers/clock.ts'

const deployment = deploymentId({ application: 'shop', deployment: 'cart' })
const [one, other] = ['replica1' as ReplicaId, 'replica2' as ReplicaId]

describe('interruptions', () => {
  it('are told once for each replica, with the first twenty of its requests', async () => {
    const clock = new ManualClock()
    const told: Interruption[] = []
    const interruptions = new Interruptions(clock, (interruption) => void told.push(interruption))
    for (let n = 0; n < 30; n += 1) interruptions.add(deployment, one, `a${n}`)
    interruptions.add(deployment, other, 'b')
    expect(told).to.deep.equal([])
    await clock.pass(50)
    const requestIds = Array.from({ length: 20 }, (_, n) => `a${n}`)
    expect(told).to.deep.equal([
      { type: 'interrupted', deployment, replica: one, requestIds },
      { type: 'interrupted', deployment, replica: other, requestIds: ['b'] },
    ])
    interruptions.add(deployment, one, 'c')
    await clock.pass(50)
    expect(told.at(-1)).to.deep.include({ replica: one, requestIds: ['c'] })
  })
})
