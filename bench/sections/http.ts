import { CONTESTANTS, type Contestant, type Pids, type Site } from '../contestants.ts'
import { Figures, httpFindings, httpTables, type Measure, type Sample } from '../figures.ts'
import type { Load } from '../load.ts'
import { ask, cpuNs, residentMiB, until } from '../processes.ts'
import { orderOf } from '../rounds.ts'
import { spread, type Run } from '../statistics.ts'
import type { Bench, Section } from '../bench.ts'

const SHAPES: Readonly<Record<Measure, { readonly connections: number; readonly path: string }>> = {
  many: { connections: 64, path: '/' },
  eight: { connections: 8, path: '/' },
  one: { connections: 1, path: '/' },
  stream: { connections: 8, path: '/stream' },
}

/** All servers stay up; everybody takes turns, the anchor before and after each. */
export async function http(bench: Bench): Promise<Section> {
  const { site, options, say } = bench
  const { running, absent } = await startAll(bench)
  const empty = residentMiB(ownReplicas(site).slice(0, 1))
  const anchor = running.some(({ id }) => id === 'nginx') ? 'nginx' : 'bare replica'
  const ids = running.map(({ id }) => id)
  const runs: Run<Sample>[] = []
  for (let round = 0; round < options.rounds; round += 1) {
    say(`round ${round + 1} of ${options.rounds}`)
    for (const id of orderOf(ids, anchor, round)) {
      const contestant = running.find((each) => each.id === id)
      if (contestant === undefined) continue
      for (const sample of await turn(contestant, bench, id === anchor)) runs.push({ contestant: id, round, sample })
    }
  }
  const figures = new Figures(runs, anchor)
  const findings = new Map(httpFindings(figures)).set('replica memory', spread(empty === undefined ? [] : [empty]))
  return { title: 'Requests', text: [httpTables(figures, running, anchor), ...absent].join('\n\n'), findings }
}

interface Started extends Contestant {
  readonly port: number
}

async function startAll({ site, options, say }: Bench): Promise<{ running: Started[]; absent: string[] }> {
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
    if (!(await until(async () => (await ask({ port }, '/')) !== undefined))) {
      throw new Error(`${id} did not answer on port ${port}; what it printed is in ${site.directory}`)
    }
    running.push({ ...contestant, port })
  }
  return { running, absent }
}

const ownReplicas = (site: Site): readonly number[] =>
  CONTESTANTS.find(({ id }) => id === 'batoid')?.pids(site).replicas ?? []

/** The measures of one contestant's turn, back to back while it is warm. */
async function turn(contestant: Started, bench: Bench, isAnchor: boolean): Promise<Sample[]> {
  const { warmUpMs, measureMs } = bench.options
  const samples: Sample[] = []
  const measures: readonly Measure[] = contestant.inDepth ? ['many', 'eight', 'one', 'stream'] : ['many']
  for (const measure of measures) {
    // The anchor has hardly rested.
    const warmUp = measure === 'many' && !isAnchor ? warmUpMs : warmUpMs / 5
    const length = measure === 'many' ? measureMs : measureMs * 0.6
    samples.push(await sampleOf(measure, contestant, bench, { warmUpMs: warmUp, measureMs: length }))
  }
  return samples
}

interface Span {
  readonly warmUpMs: number
  readonly measureMs: number
}

async function sampleOf(measure: Measure, contestant: Started, bench: Bench, span: Span): Promise<Sample> {
  const { site, load } = bench
  const { connections, path } = SHAPES[measure]
  const pids = contestant.pids(site)
  const url = `http://127.0.0.1:${contestant.port}${path}`
  const { measured, cpu } = await withCpu(load, { url, connections, ...span }, pids)
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
