import { CONTESTANTS, type Contestant, type Pids, type Site } from '../contestants.ts'
import { Figures, httpFindings, httpTables, MEASURES, type Measure, type Sample } from '../figures.ts'
import { type Load, UNWATCHED, warmUp } from '../load.ts'
import { ask, cpuNs, residentMiB, sleep, until } from '../processes.ts'
import { orderOf } from '../rounds.ts'
import { spread, type Run } from '../statistics.ts'
import type { Bench, Section } from '../bench.ts'

const SHAPES: Readonly<Record<Measure, { readonly connections: number; readonly path: string }>> = {
  many: { connections: 64, path: '/' },
  eight: { connections: 8, path: '/' },
  one: { connections: 1, path: '/' },
  stream: { connections: 8, path: '/stream' },
}

/** Warming up of who was busy a moment ago. */
const SHORT_MS = 150
/** V8 gives back what a start has taken when nothing has happened for 12 to 27 s. */
const REST_MS = 30_000

/** All servers stay up; everybody takes turns, the anchor before and after each. */
export async function http(bench: Bench): Promise<Section> {
  const { options, say } = bench
  const { running, absent, empty } = await startAll(bench)
  const anchor = running.some(({ id }) => id === 'nginx') ? 'nginx' : 'bare replica'
  // Those in depth side by side, so that the anchor needs not be between the others.
  const ids = running.toSorted((a, b) => Number(b.inDepth) - Number(a.inDepth)).map(({ id }) => id)
  const runs: Run<Sample>[] = []
  for (let round = 0; round < options.rounds; round += 1) {
    say(`round ${round + 1} of ${options.rounds}`)
    const order = orderOf(ids, anchor, round).flatMap((id) => running.filter((each) => each.id === id))
    for (const [index, contestant] of order.entries()) {
      const isAnchor = contestant.id === anchor
      // The anchor measures what those beside it do.
      const beside = isAnchor ? order.filter((_, at) => Math.abs(at - index) === 1) : [contestant]
      const inDepth = beside.some((each) => each.inDepth)
      const samples = await turn(contestant, bench, { isAnchor, inDepth })
      for (const sample of samples) runs.push({ contestant: contestant.id, round, sample })
    }
  }
  const figures = new Figures(runs, anchor)
  const findings = new Map(httpFindings(figures)).set('replica memory', spread(empty === undefined ? [] : [empty]))
  return { title: 'Requests', text: [httpTables(figures, running, anchor), ...absent].join('\n\n'), findings }
}

interface Started extends Contestant {
  readonly port: number
}

interface StartedAll {
  readonly running: Started[]
  readonly absent: string[]
  /** Resident memory of one of our replicas before the first request of the load, in MiB. */
  readonly empty: number | undefined
}

async function startAll({ site, load, options, say }: Bench): Promise<StartedAll> {
  const running: Started[] = []
  const absent: string[] = []
  for (const contestant of CONTESTANTS) {
    const { id, toInstall, version } = contestant
    if (options.only !== undefined && !options.only.has(id)) continue
    if (version !== undefined && version() === undefined) {
      absent.push(`**${id}** is not installed: \`${toInstall ?? ''}\`, and have it on PATH.`)
      continue
    }
    say(`starting ${id}`)
    const port = await contestant.start(site)
    if (await until(async () => (await ask({ port }, '/')) !== undefined, contestant.readyMs)) {
      running.push({ ...contestant, port })
      continue
    }
    const failed = `**${id}** did not answer; it printed: ${site.processes.lastOutput()}`
    // Ours has to run, and so has what is there on every machine.
    if (version === undefined) throw new Error(failed)
    absent.push(failed)
  }
  say('letting everybody come to rest')
  await sleep(REST_MS)
  const empty = residentMiB(ownReplicas(site).slice(0, 1))
  say('warming up')
  for (const contestant of running) await settle(contestant, load, options.settleMs)
  return { running, absent, empty }
}

async function settle(contestant: Started, load: Load, settleMs: number): Promise<void> {
  await warmUp(load, requestOf('many', contestant), settleMs)
  for (const measure of contestant.inDepth ? MEASURES.slice(1) : []) {
    await load.run({ ...requestOf(measure, contestant), warmUpMs: 0, measureMs: SHORT_MS }, UNWATCHED)
  }
}

const ownReplicas = (site: Site): readonly number[] =>
  CONTESTANTS.find(({ id }) => id === 'batoid')?.pids(site).replicas ?? []

/** The measures of one contestant's turn, back to back while it is warm. */
async function turn(contestant: Started, bench: Bench, { isAnchor, inDepth }: Turn): Promise<Sample[]> {
  const { warmUpMs, measureMs } = bench.options
  const samples: Sample[] = []
  for (const measure of inDepth ? MEASURES : MEASURES.slice(0, 1)) {
    // The anchor has hardly rested, and neither has who just ran.
    const isCold = measure === 'many' && !isAnchor
    const span = { warmUpMs: isCold ? warmUpMs : SHORT_MS, measureMs: measure === 'many' ? measureMs : measureMs * 0.6 }
    samples.push(await sampleOf(measure, contestant, bench, span))
  }
  return samples
}

interface Turn {
  readonly isAnchor: boolean
  readonly inDepth: boolean
}

interface Span {
  readonly warmUpMs: number
  readonly measureMs: number
}

async function sampleOf(measure: Measure, contestant: Started, bench: Bench, span: Span): Promise<Sample> {
  const { site, load } = bench
  const pids = contestant.pids(site)
  const { measured, cpu } = await withCpu(load, { ...requestOf(measure, contestant), ...span }, pids)
  const { requests, seconds, p50Ms, p99Ms, bytes, failed } = measured
  const perRequest = (ns: number | undefined) => (ns === undefined ? {} : ns / 1000 / Math.max(1, requests))
  return {
    measure,
    perS: requests / seconds,
    p50Ms,
    p99Ms,
    mbPerS: bytes / 1e6 / seconds,
    failed,
    cpuUs: Object.fromEntries(Object.entries(cpu).map(([part, ns]) => [part, perRequest(ns)])),
    residentMiB: residentMiB(pids.hop),
  }
}

/** What a hop adds at 8 connections is the difference to a replica that has as many of them as each of two. */
function requestOf(measure: Measure, { port, isAlone = false }: Pick<Started, 'port' | 'isAlone'>) {
  const { connections, path } = SHAPES[measure]
  const share = isAlone && measure === 'eight' ? 2 : 1
  return { url: `http://127.0.0.1:${port}${path}`, connections: connections / share }
}

/** Nanoseconds of processor time while it was measured. */
async function withCpu(load: Load, request: Parameters<Load['run']>[0], pids: Pids) {
  const now = () => ({ hop: cpuNs(pids.hop), replicas: cpuNs(pids.replicas), rest: cpuNs(pids.rest) })
  let [before, after] = [now(), now()]
  const measured = await load.run(request, {
    began: () => {
      before = now()
    },
    ended: () => {
      after = now()
    },
  })
  const spent = (part: keyof Pids) => {
    const [from, to] = [before[part], after[part]]
    return from === undefined || to === undefined ? undefined : to - from
  }
  return { measured, cpu: { hop: spent('hop'), replicas: spent('replicas'), rest: spent('rest') } }
}
