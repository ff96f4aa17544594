import { request } from 'node:http'
import { join } from 'node:path'
import type { Bench, Section } from '../bench.ts'
import type { Pids } from '../contestants.ts'
import { clusterPids, runArgs } from '../contestants/batoid.ts'
import { ask, freePort, kill, sleep, until } from '../processes.ts'
import { spread } from '../statistics.ts'
import { type Findings, spreadText, table } from '../table.ts'

const CLIENTS = 8
/** Each request on a connection of its own: the kernel keeps closed ones for a minute, and they must not run out. */
const PAUSE_MS = 10
const BEFORE_MS = 300
const AFTER_MS = 2_000
const MOST_ROUNDS = 2

/** What a few clients saw while something was killed. */
interface Probe {
  readonly answered: number
  readonly failed: number
  /** Of the failed. */
  readonly refused: number
  /** The longest time without an answer. */
  readonly silenceMs: number
}

interface Cluster {
  readonly port: number
  pids(): Pids
}

/** `kill -9` of what may die, once a round each, under load from a few clients. */
export async function faults(bench: Bench): Promise<Section> {
  bench.say('kill -9')
  const rounds = Array.from({ length: Math.min(MOST_ROUNDS, bench.options.rounds) })
  const repeat = async (cluster: Cluster, victim: keyof typeof VICTIMS): Promise<Probe[]> => {
    const probes: Probe[] = []
    for (const _ of rounds) probes.push(await killed(cluster, VICTIMS[victim]))
    return probes
  }
  const pair = await startCluster(bench, 'faults-two', 'two')
  const seen = {
    'one of two replicas': await repeat(pair, 'replica'),
    'the controller': await repeat(pair, 'controller'),
    'the proxy': await repeat(pair, 'proxy'),
  }
  await bench.site.processes.stop('faults-two')
  const lone = await startCluster(bench, 'faults-one', 'one')
  const all = { ...seen, 'the only replica': await repeat(lone, 'replica') }
  await bench.site.processes.stop('faults-one')
  const startS = (await bareStartMs(bench)) / 1000
  const rows = Object.entries(all).map(([what, probes]) => [
    what,
    ...KEYS.map((key) => spreadText(spread(probes.map((probe) => probe[key])))),
  ])
  const text = table(['killed', 'answered', 'failed', 'of these refused', 'longest silence, ms'], rows)
  return { title: 'kill -9', text, findings: findingsOf(all, startS) }
}

const KEYS = ['answered', 'failed', 'refused', 'silenceMs'] as const

type Seen = Readonly<
  Record<'one of two replicas' | 'the controller' | 'the proxy' | 'the only replica', readonly Probe[]>
>

function findingsOf(seen: Seen, startS: number): Findings {
  return new Map([
    ['replica killed', spread(seen['one of two replicas'].map(({ failed }) => failed))],
    ['only replica killed', spread(seen['the only replica'].map(({ silenceMs }) => silenceMs / 1000 - startS))],
    ['proxy killed, refused', spread(seen['the proxy'].map(({ refused }) => refused))],
    ['proxy killed, next answer', spread(seen['the proxy'].map(({ silenceMs }) => silenceMs / 1000))],
    ['controller killed', spread(seen['the controller'].map(({ failed }) => failed))],
  ])
}

/** Whom to kill, and whose pids have to be the same afterwards. */
const VICTIMS = {
  replica: { pick: ({ replicas }: Pids) => replicas[0], keeps: ({ hop }: Pids) => hop },
  proxy: { pick: ({ hop }: Pids) => hop[0], keeps: ({ replicas }: Pids) => replicas },
  // The launcher is the first of the tree.
  controller: { pick: ({ rest }: Pids) => rest[1], keeps: ({ replicas, hop }: Pids) => [...replicas, ...hop] },
}

async function killed(cluster: Cluster, { pick, keeps }: (typeof VICTIMS)[keyof typeof VICTIMS]): Promise<Probe> {
  const before = cluster.pids()
  const victim = pick(before)
  if (victim === undefined) throw new Error('there is nobody to kill: /proc is needed for that')
  const probe = await probing(cluster.port, () => kill([victim]))
  const isWhole = (): boolean => {
    const after = cluster.pids()
    const replaced = pick(after)
    return replaced !== undefined && replaced !== victim && after.replicas.length === before.replicas.length
  }
  if (!(await until(isWhole))) throw new Error(`nobody took the place of process ${victim} after kill -9`)
  // A replica that has just started is not in the table yet.
  await sleep(BEFORE_MS)
  const kept = keeps(cluster.pids())
  const isKept = keeps(before).every((pid) => kept.includes(pid))
  return isKept ? probe : { ...probe, failed: probe.failed + 1 }
}

async function startCluster({ site }: Bench, name: string, target: 'one' | 'two'): Promise<Cluster> {
  const port = await freePort()
  const session = join(site.directory, name)
  const args = runArgs(site, { target, port, session })
  site.processes.start({ name, args: [...args], output: 'nowhere' })
  if (!(await until(async () => (await ask({ port }, '/')) !== undefined))) throw new Error(`${name} did not answer`)
  return { port, pids: () => clusterPids(site, { name, session }) }
}

/** How long a replica without anything else takes from its process to its first answer. */
async function bareStartMs({ site }: Bench): Promise<number> {
  const socketPath = join(site.directory, 'bare-start.sock')
  const began = performance.now()
  site.processes.start({
    name: 'bare-start',
    args: [process.execPath, site.server('replica')],
    env: { SOCKET: socketPath },
  })
  await until(async () => (await ask({ socketPath }, '/')) !== undefined)
  const tookMs = performance.now() - began
  await site.processes.stop('bare-start')
  return tookMs
}

async function probing(port: number, act: () => void): Promise<Probe> {
  const start = performance.now()
  const answers: number[] = []
  let [failed, refused] = [0, 0]
  const client = async (): Promise<void> => {
    while (performance.now() - start < BEFORE_MS + AFTER_MS) {
      const error = await get(port)
      if (error === undefined) answers.push(performance.now())
      else failed += 1
      if (error === 'ECONNREFUSED') refused += 1
      await sleep(PAUSE_MS)
    }
  }
  const clients = Promise.all(Array.from({ length: CLIENTS }, client))
  await sleep(BEFORE_MS)
  act()
  await clients
  const silences = answers.slice(1).map((at, index) => at - (answers[index] ?? 0))
  return { answered: answers.length, failed, refused, silenceMs: Math.max(0, ...silences) }
}

/** Undefined for a whole answer with status 200, else what was wrong. */
function get(port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const sent = request({ host: '127.0.0.1', port, path: '/', agent: false, timeout: 10_000 }, (answer) => {
      answer.resume()
      answer.on('close', () => resolve(answer.complete && answer.statusCode === 200 ? undefined : 'incomplete'))
    })
    sent.on('timeout', () => sent.destroy())
    sent.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    sent.end()
  })
}
