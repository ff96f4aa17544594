import { join } from 'node:path'
import type { Bench, Section } from '../bench.ts'
import { startProxy, startTransport } from '../contestants/batoid.ts'
import { UNWATCHED, warmUp } from '../load.ts'
import { ask, until } from '../processes.ts'
import { orderOf } from '../rounds.ts'
import { quotients, spread } from '../statistics.ts'
import type { Findings } from '../table.ts'
import { spreadText, table } from '../table.ts'

const SLOW_MS = 100
const FAST_MS = 5
const REPLICAS = 4
const CONNECTIONS = 32
/** It is to be back within 10 s; looked for a little longer, to say by how much it is late. */
const COMEBACK_MS = 20_000
/** Of a fair quarter, what counts as its share: chance is not even. */
const ENOUGH = 0.2

interface Balancer {
  readonly id: string
  readonly port: number
  readonly perS: number[]
  readonly p99Ms: number[]
  readonly slowShare: number[]
}

/** Four replicas, one slow: what choosing by cost gains over taking turns; and how soon the slow one is trusted again. */
export async function slow(bench: Bench): Promise<Section> {
  const { site, plainLoad: load, options, say } = bench
  say('one slow replica of four')
  const sockets = await startReplicas(bench)
  const balancers = [
    { id: 'round robin', port: await startTransport(site, 'slow-transport', sockets) },
    { id: 'batoid', port: await startProxy(site, 'slow-proxy', sockets) },
  ].map((balancer): Balancer => ({ ...balancer, perS: [], p99Ms: [], slowShare: [] }))
  for (const { port } of balancers) {
    await until(async () => (await ask({ port }, '/')) !== undefined)
    await warmUp(load, { url: `http://127.0.0.1:${port}/`, connections: CONNECTIONS }, options.settleMs)
  }
  for (let round = 0; round < options.rounds; round += 1) {
    for (const id of orderOf(
      balancers.map((b) => b.id),
      '',
      round,
    ).filter(Boolean)) {
      const balancer = balancers.find((each) => each.id === id)
      if (balancer !== undefined) await measure(bench, balancer, sockets)
    }
  }
  const [rounds, own] = balancers
  if (rounds === undefined || own === undefined) throw new Error('no balancers')
  const comebackS = await comeback(bench, own.port, sockets)
  for (const name of [...sockets.keys()].map((index) => `slow-${index}`)) await site.processes.stop(name)
  for (const name of ['slow-transport', 'slow-proxy']) await site.processes.stop(name)
  const findings: Findings = new Map([
    ['slow throughput', spread(quotients(own.perS, rounds.perS))],
    ['slow p99', spread(own.p99Ms)],
    ['slow comeback', spread([comebackS])],
  ])
  const rows = balancers.map(({ id, perS, p99Ms, slowShare }) => [
    `**${id}**`,
    ...[perS, p99Ms, slowShare].map((values) => spreadText(spread(values))),
  ])
  const text = `Four replicas, three answer after ${FAST_MS} ms, one after ${SLOW_MS} ms; ${CONNECTIONS} connections, proxy alone:\n\n${table(['', 'req/s', 'p99 ms', 'to the slow one, %'], rows)}`
  return { title: 'One slow replica', text, findings }
}

async function startReplicas({ site }: Bench): Promise<readonly string[]> {
  const sockets = Array.from({ length: REPLICAS }, (_, index) => join(site.directory, `slow-${index}.sock`))
  for (const [index, socket] of sockets.entries()) {
    const env = { SOCKET: socket, DELAY_MS: String(index === 0 ? SLOW_MS : FAST_MS) }
    site.processes.start({ name: `slow-${index}`, args: [process.execPath, site.server('replica')], env })
  }
  for (const socketPath of sockets) await until(async () => (await ask({ socketPath }, '/')) !== undefined)
  return sockets
}

async function measure(
  { plainLoad: load, options }: Bench,
  balancer: Balancer,
  sockets: readonly string[],
): Promise<void> {
  const request = { url: `http://127.0.0.1:${balancer.port}/slow`, connections: CONNECTIONS }
  let before: readonly number[] = []
  const began = (): void => {
    void served(sockets).then((counts) => {
      before = counts
    })
  }
  const { warmUpMs, measureMs } = options
  const measured = await load.run({ ...request, warmUpMs, measureMs: measureMs * 1.5 }, { began, ended: () => {} })
  balancer.perS.push(measured.requests / measured.seconds)
  balancer.p99Ms.push(measured.p99Ms)
  balancer.slowShare.push(share(before, await served(sockets)) * 100)
}

/** Seconds from when the slow replica is fast until a second in which it got its share. */
async function comeback({ plainLoad: load }: Bench, port: number, sockets: readonly string[]): Promise<number> {
  const request = { url: `http://127.0.0.1:${port}/slow`, connections: CONNECTIONS, warmUpMs: 0, measureMs: 1_000 }
  await load.run(request, UNWATCHED)
  await ask({ socketPath: sockets[0] ?? '' }, `/delay/${FAST_MS}`)
  const start = performance.now()
  for (;;) {
    const before = await served(sockets)
    await load.run(request, UNWATCHED)
    const elapsedMs = performance.now() - start
    if (share(before, await served(sockets)) >= ENOUGH || elapsedMs >= COMEBACK_MS) return elapsedMs / 1000
  }
}

function served(sockets: readonly string[]): Promise<number[]> {
  return Promise.all(sockets.map(async (socketPath) => Number(await ask({ socketPath }, '/served'))))
}

/** Of the requests between two counts, those that went to the first replica. */
function share(before: readonly number[], after: readonly number[]): number {
  const counts = after.map((count, index) => count - (before[index] ?? 0))
  return (
    (counts[0] ?? 0) /
    Math.max(
      1,
      counts.reduce((a, b) => a + b, 0),
    )
  )
}
