import { expect } from 'chai'
import * as fc from 'fast-check'
import { allot, allotTo, type Holding, type Machine, showResources } from '../../../controller/resources.ts'
import { type DeploymentId, deploymentId } from '../../../shared/ids.ts'
import type { Allotment, Resources } from '../../../shared/protocol.ts'

const machine: Machine = { resources: { CPU: 2, memory: 1000, licence: 1 }, gpus: ['0', '1', 'GPU-7'] }

/** What each need gets, one after the other. */
function allotAll(needs: readonly Resources[]): (Allotment | undefined)[] {
  const held: Allotment[] = []
  return needs.map((need) => {
    const got = allot(machine, held, need)
    if (got !== undefined) held.push(got)
    return got
  })
}
const gpusOf = (...shares: number[]) => allotAll(shares.map((GPU) => ({ GPU }))).map((got) => got?.gpus.join())

describe('allot', () => {
  it('gives what is free of each resource, and nothing if one of them is short', () => {
    const [first, second, third] = allotAll([
      { CPU: 1, memory: 800 },
      { CPU: 1, memory: 800 },
      { CPU: 1, memory: 200 },
    ])
    expect([first, second, third].map((got) => got !== undefined)).to.deep.equal([true, false, true])
  })

  it('fills one CPU with ten shares of 0.1', () => {
    const got = allotAll(Array.from({ length: 21 }, () => ({ CPU: 0.1 })))
    expect(got.filter((one) => one !== undefined)).to.have.length(20)
  })

  it('knows custom resources, and has none of what the machine lacks', () => {
    expect(allotAll([{ licence: 1 }, { licence: 1 }, { tape: 1 }]).map((got) => got !== undefined)).to.deep.equal([
      true,
      false,
      false,
    ])
  })

  it('gives whole GPUs to one replica each', () => {
    expect(gpusOf(1, 2, 1)).to.deep.equal(['0', '1,GPU-7', undefined])
  })

  it('shares a GPU between fractions, and keeps the others whole', () => {
    expect(gpusOf(0.5, 2, 0.5, 0.1)).to.deep.equal(['0', '1,GPU-7', '0', undefined])
  })

  it('never gives more of a GPU than there is', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(0, 0.1, 0.3, 0.5, 0.9, 1, 2), { maxLength: 20 }), (shares) => {
        const held = allotAll(shares.map((GPU) => ({ GPU })))
        for (const gpu of machine.gpus) {
          const used = held.flatMap((one) => (one?.gpus.includes(gpu) ? [Math.min(1, one.resources['GPU'] ?? 0)] : []))
          expect(used.reduce((sum, share) => sum + share, 0)).to.be.at.most(1 + 1e-6)
        }
      }),
    )
  })
})

describe('allotTo', () => {
  const [cart, till] = ['cart', 'till'].map((deployment) => deploymentId({ application: 'shop', deployment }))
  const isLent = true
  const lent = (gpus: string[]) => ({ deployment: cart!, allotment: { resources: { GPU: gpus.length }, gpus }, isLent })
  const gpuOf = (deployment: DeploymentId, held: readonly Holding[]) =>
    allotTo(deployment, { GPU: 1 }, { machine, held })?.gpus.join()

  it('gives what a replica leaves to its successor, and to no other deployment', () => {
    const held = [lent(['0', '1', 'GPU-7'])]
    expect([gpuOf(till!, held), gpuOf(cart!, held)]).to.deep.equal([undefined, '0'])
  })

  it('gives what is free before what is in use', () => expect(gpuOf(cart!, [lent(['0'])])).to.equal('1'))
})

describe('showResources', () => {
  it('looks as the reference does it', () =>
    expect(showResources({ CPU: 1, GPU: 0.5 })).to.equal('{"CPU": 1, "GPU": 0.5}'))
})
