import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { expect } from 'chai'
import { ReplicaServer } from '../../replica/server.ts'
import { systemClock } from '../../shared/clock.ts'
import { newReplicaId } from '../../shared/ids.ts'
import type { Route, RunningReplica } from '../../shared/protocol.ts'
import { eventually } from '../helpers/eventually.ts'
import { type Bench, type StandIn, startBench } from '../helpers/proxy.ts'

/** Clients that ask again as soon as they are answered, until told to stop: what they were answered. */
function clients(bench: Bench, count: number): { statuses: number[]; latenciesMs: number[]; stop(): Promise<void> } {
  const [statuses, latenciesMs]: [number[], number[]] = [[], []]
  const over = new AbortController()
  const run = async (): Promise<void> => {
    while (!over.signal.aborted) {
      const startedAt = performance.now()
      const answer = await bench.get('/')
      await answer.arrayBuffer()
      statuses.push(answer.status)
      latenciesMs.push(performance.now() - startedAt)
    }
  }
  const all = Promise.all(Array.from({ length: count }, run))
  const stop = async (): Promise<void> => {
    over.abort()
    await all
  }
  return { statuses, latenciesMs, stop }
}

describe('requests to replicas that are not alike', () => {
  let bench: Bench
  beforeEach(async () => {
    bench = await startBench()
  })
  afterEach(() => bench.stop())

  const answering = (delayMs: () => number): Promise<StandIn> =>
    bench.standIn((_, response) => void setTimeout(delayMs()).then(() => response.end()))

  it('nearly all go past the slow one, which gets its share again when it is fast', async () => {
    let slowMs = 200
    const slow = await answering(() => slowMs)
    const fast = [await answering(() => 5), await answering(() => 5), await answering(() => 5)]
    bench.serve(slow, ...fast)
    const load = clients(bench, 8)
    await eventually(() => load.statuses.length > 800, { withinMs: 20_000 })
    expect(slow.requests.length).to.be.below(40)
    slowMs = 5
    const counts = [slow, ...fast].map(({ requests }) => requests)
    let before = counts.map(({ length }) => length)
    await eventually(
      async () => {
        before = counts.map(({ length }) => length)
        const all = load.statuses.length
        await eventually(() => load.statuses.length > all + 400)
        const [mine = 0, ...others] = counts.map(({ length }, n) => length - (before[n] ?? 0))
        return mine > 0.6 * Math.min(...others)
      },
      { withinMs: 15_000 },
    )
    await load.stop()
  })

  it('none of them attracts requests by answering errors at once', async () => {
    let isBroken = false
    const hole = await bench.standIn((_, response) => {
      if (isBroken) response.writeHead(500).end()
      else void setTimeout(5).then(() => response.end())
    })
    bench.serve(hole, await answering(() => 5), await answering(() => 5))
    const load = clients(bench, 8)
    await eventually(() => load.statuses.length > 200)
    isBroken = true
    const before = load.statuses.length
    await eventually(() => load.statuses.length > before + 1000, { withinMs: 20_000 })
    await load.stop()
    const errors = load.statuses.filter((status) => status === 500)
    expect(errors.length).to.be.within(5, 60)
  })
})

describe('several proxies before one replica', () => {
  let [directory, running, most, served] = ['', 0, 0, 0]
  let proxies: Bench[] = []
  let replica: RunningReplica
  let server: ReplicaServer
  let workMs = 20

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'replica-'))
    replica = { id: newReplicaId(Math.random), address: join(directory, 'socket') }
    ;[running, most, served, workMs] = [0, 0, 0, 20]
    server = new ReplicaServer({
      servable: {
        async fetch() {
          running += 1
          served += 1
          most = Math.max(most, running)
          await setTimeout(workMs)
          running -= 1
          return new Response('x')
        },
      },
      address: replica.address,
      live: { maxOngoingRequests: 2 },
      clock: systemClock,
      access: () => {},
      failed: () => {},
    })
    await server.listen()
    const count = 2
    proxies = await Promise.all([0, 1].map((index) => startBench({ http: { proxy: { index, count } } })))
  })
  afterEach(async () => {
    await Promise.all(proxies.map((proxy) => proxy.stop()))
    await rm(directory, { recursive: true })
  })
  const route = (limits: Partial<Route> = {}): void => {
    for (const proxy of proxies) proxy.route({ maxOngoingRequests: 2, replicas: [replica], ...limits })
  }

  it('never exceed its limit together, turn nobody away, and get equal parts of it', async () => {
    route()
    const loads = proxies.map((proxy) => clients(proxy, 6))
    await eventually(() => served > 200, { withinMs: 20_000 })
    await Promise.all(loads.map((load) => load.stop()))
    const statuses = loads.flatMap((load) => load.statuses)
    expect([most, new Set(statuses)]).to.deep.equal([2, new Set([200])])
    const [a = 0, b = 0] = loads.map((load) => load.statuses.length)
    expect(Math.min(a, b) / Math.max(a, b)).to.be.above(0.5)
    expect(served).to.equal(statuses.length)
  })

  it('do not let one of them starve while the other one keeps the replica busy', async () => {
    workMs = 100
    route()
    const [first, second] = proxies
    if (first === undefined || second === undefined) throw new Error('there are two')
    const greedy = clients(first, 6)
    await eventually(() => greedy.statuses.length > 4)
    const startedAt = performance.now()
    for (let n = 0; n < 5; n += 1) expect((await second.get('/')).status).to.equal(200)
    expect(performance.now() - startedAt).to.be.below(5000)
    await greedy.stop()
  })

  it('let no more requests wait together than may wait', async () => {
    workMs = 10_000
    route({ maxQueuedRequests: 3 })
    const leave = new AbortController()
    const asked = proxies.flatMap((proxy) =>
      Array.from({ length: 10 }, () => proxy.get('/', { signal: leave.signal }).catch(() => undefined)),
    )
    const answers: Response[] = []
    for (const one of asked) void one.then((answer) => answer && answers.push(answer))
    await eventually(() => answers.length === 15)
    expect(answers.every(({ status }) => status === 503)).to.equal(true)
    expect(await answers[0]?.text()).to.equal(
      'Request dropped due to backpressure (num_queued_requests=3, max_queued_requests=3).',
    )
    leave.abort()
    await Promise.all(asked)
  })
})
