import type { Contestant } from './contestants.ts'
import type { Findings } from './table.ts'
import { figure, spreadText, table } from './table.ts'
import { quotients, type Run, type Spread, spread, toAnchor } from './statistics.ts'

/** What is asked of a contestant in its turn. `stream` gets 1 MB an answer. */
export const MEASURES = ['many', 'eight', 'one', 'stream'] as const
export type Measure = (typeof MEASURES)[number]

export interface Sample {
  readonly measure: Measure
  readonly perS: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly mbPerS: number
  readonly failed: number
  /** Processor time a request: of what stands between, of the replicas, of the rest; undefined: cannot be known. */
  readonly cpuUs: { readonly hop?: number; readonly replicas?: number; readonly rest?: number }
  /** Of what stands between. */
  readonly residentMiB: number | undefined
}

/** The runs of one section, and what can be said of them. */
export class Figures {
  readonly #runs: readonly Run<Sample>[]
  readonly #anchor: string

  constructor(runs: readonly Run<Sample>[], anchor: string) {
    this.#runs = runs
    this.#anchor = anchor
  }

  of(contestant: string, measure: Measure, value: (sample: Sample) => number | undefined): Spread | undefined {
    const samples = this.#runs.filter((run) => run.contestant === contestant && run.sample.measure === measure)
    return spread(samples.map(({ sample }) => value(sample) ?? Number.NaN))
  }

  /** Round by round, beside the anchor. */
  relative(measure: Measure, value: (sample: Sample) => number): (contestant: string) => readonly number[] {
    const runs = this.#runs.filter(({ sample }) => sample.measure === measure)
    return toAnchor(runs, this.#anchor, value)
  }

  ratio(dividend: string, divisor: string, [measure, value]: readonly [Measure, (sample: Sample) => number]) {
    const relative = this.relative(measure, value)
    return spread(quotients(relative(dividend), relative(divisor)))
  }

  failed(contestant: string): number {
    return this.#runs.filter((run) => run.contestant === contestant).reduce((sum, { sample }) => sum + sample.failed, 0)
  }
}

const THROUGHPUT = ['many', (sample: Sample) => sample.perS] as const
const STREAM = ['stream', (sample: Sample) => sample.mbPerS] as const

/** What the design's numbers come to. */
export function httpFindings(figures: Figures): Findings {
  return new Map([
    ['http-proxy', figures.ratio('batoid', 'http-proxy', THROUGHPUT)],
    ['nginx', figures.ratio('batoid', 'nginx → batoid replicas', THROUGHPUT)],
    ['watt', figures.ratio('batoid', 'Watt', THROUGHPUT)],
    ['ray', figures.ratio('batoid', 'Ray Serve', THROUGHPUT)],
    ['added p50', addedP50(figures)],
    ['stream', figures.ratio('batoid', 'nginx', STREAM)],
    ['features', figures.ratio('batoid, proxy alone', 'batoid, transport alone', THROUGHPUT)],
    ['proxy memory', figures.of('batoid', 'many', (sample) => sample.residentMiB)],
  ])
}

/** (batoid − bare) ÷ (nginx − bare). The denominator is small, so it is the median's, not each round's own. */
function addedP50(figures: Figures): Spread | undefined {
  const relative = figures.relative('eight', (sample) => sample.p50Ms)
  const [nginx, bare] = [spread(relative('nginx')), spread(relative('bare replica'))]
  if (nginx === undefined || bare === undefined || nginx.median <= bare.median) return undefined
  const added = relative('batoid').map((p50) => (p50 - bare.median) / (nginx.median - bare.median))
  return spread(added)
}

/** The table of all contestants: medians, and the ratio to the anchor with its range. */
export function httpTables(figures: Figures, contestants: readonly Contestant[], anchor: string): string {
  const relative = figures.relative('many', (sample) => sample.perS)
  const throughput = contestants.map(({ id, what }) => [
    `**${id}**: ${what}`,
    figure(figures.of(id, 'many', (sample) => sample.perS)?.median),
    spreadText(spread(relative(id))),
    ...(['hop', 'replicas', 'rest'] as const).map((part) =>
      figure(figures.of(id, 'many', (sample) => sample.cpuUs[part])?.median),
    ),
    figure(figures.of(id, 'many', (sample) => sample.residentMiB)?.median),
    String(figures.failed(id)),
  ])
  const head = ['', 'req/s', `÷ ${anchor}`, 'CPU µs: hop', 'replicas', 'rest', 'hop MiB', 'failed']
  return `64 connections, 13 bytes:\n\n${table(head, throughput)}\n\n${depthTable(figures, contestants, anchor)}`
}

function depthTable(figures: Figures, contestants: readonly Contestant[], anchor: string): string {
  const streaming = figures.relative('stream', (sample) => sample.mbPerS)
  const rows = contestants
    .filter(({ inDepth }) => inDepth)
    .map(({ id }) => [
      `**${id}**`,
      ...(['one', 'eight'] as const).flatMap((measure) => [
        figure(figures.of(id, measure, (sample) => sample.p50Ms)?.median),
        figure(figures.of(id, measure, (sample) => sample.p99Ms)?.median),
      ]),
      figure(figures.of(id, 'stream', (sample) => sample.mbPerS)?.median),
      spreadText(spread(streaming(id))),
    ])
  const head = ['', '1: p50 ms', 'p99 ms', '8: p50 ms', 'p99 ms', '1 MB: MB/s', `÷ ${anchor}`]
  return `1 and 8 connections (of the 8, a process that answers alone has 4), and answers of 1 MB over 8:\n\n${table(head, rows)}`
}
