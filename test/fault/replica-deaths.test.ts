import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { type Clients, startClients } from '../helpers/clients.ts'
import { type Cluster, type ClusterOptions, startCluster } from '../helpers/cluster.ts'
import { eventually } from '../helpers/eventually.ts'
import { firstAnswerAfter, loggedAt, pidOf, pidsOf, spread } from '../helpers/faults.ts'

const MODULE = 'test/fixtures/served.mjs'
/** The goal is 300 ms, on a machine that does nothing else. */
const MOST_BESIDES_START_MS = 1000

describe('a replica that dies, with 20 clients', function () {
  this.timeout(90_000)
  let cluster: Cluster
  let clients: Clients

  async function start(name: string, options?: ClusterOptions): Promise<void> {
    cluster = await startCluster(`${MODULE}:${name}`, options)
    clients = startClients(`${cluster.url}/`)
    await eventually(() => clients.told.length > 100)
  }

  const controllerLog = () => cluster.log(/^controller_/)

  afterEach(async function () {
    if (this.currentTest?.state === 'failed') console.log(controllerLog())
    await clients.stop()
    await cluster.dispose()
  })

  it('as one of two loses no request: kill -9, ten times', async () => {
    await start('two')
    const backMs: number[] = []
    for (let n = 0; n < 10; n += 1) {
      const [victim = 0] = await eventually(() => answering().length === 2 && answering())
      const since = performance.now()
      process.kill(victim, 'SIGKILL')
      await eventually(() => answering().length === 2 && !answering().includes(victim))
      backMs.push(performance.now() - since)
    }
    await clients.stop()
    console.log(
      `      kill -9 one of two, 10 times: ${clients.told.length} requests, ${clients.failed().length} failed, ` +
        `two again after ms: ${spread(backMs)}`,
    )
    expect(clients.failed()).to.deep.equal([])
  })

  /** The pids of which one of the last answers was. */
  const answering = () => [...new Set(clients.told.slice(-60).map(({ text }) => Number(text.split(' ')[2])))]

  it('as the only one is replaced: kill -9, process.exit, uncaught throw, abort, out of memory', async () => {
    await start('one', { env: { NODE_OPTIONS: '--max-old-space-size=48' } })
    for (const how of ['kill -9', 'exit', 'throw', 'abort', 'memory']) {
      const starts = loggedAt(controllerLog(), / Starting Replica\(/).length
      const victim = await pidOf(cluster, 'ServeReplica')
      // One that has just become ready would have its successor wait for a moment.
      const told = clients.told.length
      await eventually(() => clients.told.length > told + 500)
      const since = await die(how, victim)
      const isOther = (text: string) => !text.endsWith(` ${victim}`)
      const nextMs = await eventually(() => firstAnswerAfter(clients, since, isOther), { withinMs: 20_000 })
      await eventually(() => loggedAt(controllerLog(), / started successfully\./).length > starts)
      const [begun, ready] = [/ Starting Replica\(/, / started successfully\./].map((line) =>
        Number(loggedAt(controllerLog(), line).at(-1)),
      )
      const startMs = Number(ready) - Number(begun)
      console.log(
        `      the only replica, ${how}: next answer after ${Math.round(nextMs)} ms, start ${startMs} ms, ` +
          `besides ${Math.round(nextMs - startMs)} ms`,
      )
      expect(nextMs - startMs).to.be.below(MOST_BESIDES_START_MS)
      expect(await pidOf(cluster, 'ServeReplica')).to.not.equal(victim)
    }
    await clients.stop()
    console.log(`      ${clients.told.length} requests, ${clients.failed().length} failed`)
    expect(controllerLog()).to.match(/died: its process ended with signal SIGKILL/)
    expect(controllerLog()).to.match(/died: its process ended with exit code 7/)
    expect(controllerLog()).to.match(/died: its process ended with exit code 1 /)
    expect(controllerLog()).to.match(/died: its process ended with signal SIGABRT[^]*JavaScript heap out of memory/)
  })

  /** When it was dead. */
  async function die(how: string, pid: number): Promise<number> {
    if (how === 'kill -9') {
      process.kill(pid, 'SIGKILL')
      return performance.now()
    }
    const answer = await fetch(`${cluster.url}/die/${how}`, { method: 'POST' })
    expect(answer.status).to.equal(502)
    return performance.now()
  }

  it('breaks a POST that it is executing: one 502 with its id, and it is never executed twice', async () => {
    await start('two')
    const posted = new Map<string, Answer>()
    const state = { isOver: false }
    const posting = Array.from({ length: 20 }, async (_, client) => {
      for (let n = 0; !state.isOver; n += 1) {
        const id = `post-${client}-${n}`
        posted.set(id, await post(id))
      }
    })
    for (let n = 0; n < 4; n += 1) {
      const before = posted.size
      const [victim = 0, ...others] = await eventually(
        () => pidsOf(cluster, 'ServeReplica').length === 2 && pidsOf(cluster, 'ServeReplica'),
      )
      await eventually(() => posted.size > before + 100)
      process.kill(victim, 'SIGKILL')
      await eventually(() => pidsOf(cluster, 'ServeReplica').some((pid) => pid !== victim && !others.includes(pid)))
    }
    state.isOver = true
    await Promise.all(posting)
    const executions = readFileSync(join(cluster.session, 'executed'), 'utf8').trim().split('\n')
    const lost = [...posted].filter(([, { status }]) => status !== 200)
    console.log(
      `      POST, a replica killed 4 times: ${posted.size} requests, ${lost.length} answered 502, ` +
        `${executions.length - new Set(executions).size} executed twice, ${clients.failed().length} GETs failed`,
    )
    expect(new Set(executions).size).to.equal(executions.length)
    for (const [id, { status, requestId, body }] of posted) {
      expect([status, requestId]).to.deep.equal([status === 200 ? 200 : 502, id])
      if (status === 502) expect(body).to.not.equal('done')
    }
    expect(lost.length).to.be.above(0)
    expect(clients.failed()).to.deep.equal([])
  })

  interface Answer {
    readonly status: number
    readonly requestId: string | null
    readonly body: string
  }

  async function post(id: string): Promise<Answer> {
    const answer = await fetch(`${cluster.url}/work`, { method: 'POST', headers: { 'x-request-id': id } })
    return { status: answer.status, requestId: answer.headers.get('x-request-id'), body: await answer.text() }
  }
})
