/** What was seen in the rounds: the median, and how far apart they were. */
export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
}

export function spread(values: readonly number[]): Spread | undefined {
  const sorted = values.filter(Number.isFinite).toSorted((a, b) => a - b)
  const [min, max] = [sorted[0], sorted.at(-1)]
  if (min === undefined || max === undefined) return undefined
  const middle = sorted.length / 2
  const [lower = min, upper = max] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]]
  return { median: (lower + upper) / 2, min, max }
}

/** One measured run; the order in which they are held is the order in which they ran. */
export interface Run<Sample> {
  readonly contestant: string
  readonly round: number
  readonly sample: Sample
}

/**
 * A contestant's value in each round divided by the mean of the anchor's runs just before and after it: what the machine
 * did to all three falls out. The anchor's own is 1. A round that lacks a run is NaN, so that rounds stay aligned.
 */
export function toAnchor<Sample>(
  runs: readonly Run<Sample>[],
  anchor: string,
  valueOf: (sample: Sample) => number | undefined,
): (contestant: string) => readonly number[] {
  const rounds = 1 + Math.max(-1, ...runs.map(({ round }) => round))
  return (contestant) =>
    Array.from({ length: rounds }, (_, round) => {
      if (contestant === anchor) return 1
      const inRound = runs.filter((run) => run.round === round)
      const at = inRound.findIndex((run) => run.contestant === contestant)
      const neighbours = [
        inRound.slice(0, Math.max(at, 0)).findLast((run) => run.contestant === anchor),
        inRound.slice(at).find((run) => run.contestant === anchor),
      ].flatMap((run) => (run === undefined ? [] : [valueOf(run.sample) ?? Number.NaN]))
      const run = inRound[at]
      if (run === undefined || neighbours.length === 0) return Number.NaN
      const mean = neighbours.reduce((a, b) => a + b, 0) / neighbours.length
      return (valueOf(run.sample) ?? Number.NaN) / mean
    })
}

/** Round by round. */
export function quotients(dividends: readonly number[], divisors: readonly number[]): readonly number[] {
  return dividends.map((dividend, round) => dividend / (divisors[round] ?? Number.NaN))
}
