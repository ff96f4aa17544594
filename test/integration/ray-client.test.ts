import { readFileSync, writeFileSync } from 'node:fs'
import { expect } from 'chai'
import { type Cluster, startCluster } from '../helpers/cluster.ts'
import { eventually } from '../helpers/eventually.ts'
import { type Call, callRayClient, findRayClient, relayTo } from '../helpers/ray-client.ts'
import { restOf } from '../helpers/rest.ts'

const TRANSCRIPT = 'test/golden/ray-serve-client.json'
const COMMANDS = [
  ['status'],
  ['config'],
  ['deploy', 'test/fixtures/ray-client.yaml'],
  ['status'],
  ['status', '--name', 'tellers'],
  ['config'],
  ['config', '--name', 'none'],
  ['shutdown', '-y'],
  ['status'],
] as const

/**
 * The reference's own client is the judge. Where it is installed (`pip install "ray[serve]"`) it is run, and has to ask
 * and print what the transcript says; elsewhere what it asked is asked again. BATOID_RECORD=1 records the transcript.
 */
describe("the reference's client", () => {
  const client = findRayClient()
  const isRecording = process.env['BATOID_RECORD'] === '1'
  let cluster: Cluster
  let rest: Awaited<ReturnType<typeof restOf>>

  before(async () => {
    cluster = await startCluster('test/fixtures/hello.mjs:app')
    rest = await restOf(cluster.session)
  })
  after(async () => {
    await cluster.stop()
    await cluster.dispose()
  })

  /** What is deployed has been brought up, what is deleted has gone. */
  const settled = () =>
    eventually(
      async () => Object.values((await rest.details()).applications).every(({ status }) => status === 'RUNNING'),
      { withinMs: 20_000 },
    )

  it(`is served as by the reference (${client === undefined ? 'as it was recorded' : 'here'})`, async function () {
    this.timeout(180_000)
    const recorded = isRecording ? [] : (JSON.parse(readFileSync(TRANSCRIPT, 'utf8')) as Call[])
    if (client === undefined) return await repeat(recorded)
    const relay = await relayTo(rest.url)
    const calls: Call[] = []
    for (const command of COMMANDS) {
      const output = await callRayClient(client, command, relay.url)
      calls.push({ command, requests: relay.take(), output })
      await settled()
    }
    relay.close()
    if (isRecording) writeFileSync(TRANSCRIPT, `${JSON.stringify(calls, null, 2)}\n`)
    else expect(calls).to.deep.equal(recorded)
  })

  async function repeat(calls: readonly Call[]): Promise<void> {
    expect(calls.map(({ command }) => command)).to.deep.equal(COMMANDS)
    for (const { requests, command } of calls) {
      for (const { method, path, body, status } of requests) {
        const answer = await rest.ask(method, path, body ?? undefined)
        expect(answer.status, `${command.join(' ')}: ${method} ${path}: ${answer.text}`).to.equal(status)
      }
      await settled()
    }
    expect(Object.keys((await rest.details()).applications)).to.deep.equal([])
  }
})
