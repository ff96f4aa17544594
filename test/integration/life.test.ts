import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { type Cluster, startCluster } from '../helpers/cluster.ts'
import { eventually } from '../helpers/eventually.ts'
import { operate } from '../helpers/operator.ts'

const MODULE = 'test/fixtures/versions.mjs'
const ID = 'the-last-request'

describe('an application through its life', function () {
  this.timeout(60_000)
  let cluster: Cluster

  beforeEach(async () => {
    cluster = await startCluster(`${MODULE}:good`)
  })
  afterEach(async () => {
    expect((await cluster.stop()).code).to.equal(0)
    await cluster.dispose()
  })

  const get = async () => await (await fetch(cluster.url)).text()
  const deploy = async (version: string, rollback: boolean) => {
    const operator = operate(cluster.session)
    await operator.deploy({ importPath: `${MODULE}:${version}`, rollback })
    return operator
  }
  const pids = async () => new Set(await Promise.all(Array.from({ length: 30 }, get)))
  const controllerLog = () => cluster.log(/^controller_/)

  it('answers 502 to a POST whose replica is killed, does not repeat it, and tells which requests it was', async () => {
    const file = join(cluster.session, 'begun')
    const headers = { 'x-request-id': ID }
    const answer = fetch(`${cluster.url}/begin?file=${encodeURIComponent(file)}`, { method: 'POST', headers })
    await eventually(() => existsSync(file))
    for (const text of await pids()) process.kill(Number(text.split(' ')[1]), 'SIGKILL')
    const { status, headers: answered } = await answer
    expect([status, answered.get('x-request-id')]).to.deep.equal([502, ID])
    await eventually(() => new RegExp(`Replica\\(.*\\) was serving when it ended: ${ID}\\.`).test(controllerLog()))
    expect(await get()).to.match(/^good /)
    expect(readFileSync(file, 'utf8')).to.equal('begun\n')
  })

  for (const [version, why] of [
    ['throws', /^The last good version was restored, .* threw: no model/s],
    ['crashes', /^The last good version was restored, .* ended with exit code 7/s],
    ['floats', /^The last good version was restored, .*\nnobody awaits this$/s],
    ['quits', /^The last good version was restored, .* exit code 4 .*\nIts last lines:\nno licence$/s],
  ] as const) {
    it(`goes on with what was good when the next version ${version}, and says why`, async () => {
      const before = await pids()
      const operator = await deploy(version, true)
      try {
        await eventually(() => why.test(operator.status()?.message ?? ''), { withinMs: 30_000 })
        await eventually(() => operator.status()?.status === 'RUNNING', { withinMs: 10_000 })
        expect(await pids()).to.deep.equal(before)
      } finally {
        operator.close()
      }
    })
  }

  it('remembers, when its controller is killed, that it was taken back', async () => {
    const before = await pids()
    const operator = await deploy('throws', true)
    try {
      await eventually(() => operator.status()?.message.startsWith('The last good version'), { withinMs: 30_000 })
      process.kill(Number(/\(ServeController pid=(\d+)\)/.exec(cluster.stdout())?.[1]), 'SIGKILL')
      await eventually(() => cluster.stdout().includes('Recovering target state'), { withinMs: 10_000 })
      await eventually(() => operator.status()?.status === 'RUNNING', { withinMs: 10_000 })
      expect(operator.status()?.message).to.match(/^The last good version was restored/)
      expect(await pids()).to.deep.equal(before)
    } finally {
      operator.close()
    }
  })
})
