import { expect } from 'chai'
import { startCluster } from '../helpers/cluster.ts'
import { eventually } from '../helpers/eventually.ts'

describe('a deployment that asks for GPUs', () => {
  it('has each replica see one of its own', async () => {
    const cluster = await startCluster('test/fixtures/gpus.mjs:app', {
      env: { CUDA_VISIBLE_DEVICES: 'GPU-a,GPU-b,GPU-c', BATOID_NUM_GPUS: '3' },
    })
    try {
      const seen = new Set<string>()
      await eventually(async () => {
        seen.add(((await (await fetch(cluster.url)).json()) as { gpus: string }).gpus)
        return seen.size === 3
      })
      expect([...seen].toSorted()).to.deep.equal(['GPU-a', 'GPU-b', 'GPU-c'])
    } finally {
      await cluster.stop()
      await cluster.dispose()
    }
  })
})
