import type { Random } from './ids.ts'

/** A process that lived as long as this was well; its death starts a new count of failures. */
export const STABLE_MS = 60_000

const FIRST_DELAY_MS = 200
const MAX_DELAY_MS = 30_000
const JITTER_RATIO = 0.25

/** The wait before the next start: none after a first failure, then 0.2 s, 0.4 s, … 30 s, give or take a quarter. */
export function restartDelayMs(failuresInARow: number, random: Random): number {
  if (failuresInARow < 2) return 0
  const delayMs = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** (failuresInARow - 2))
  return delayMs * (1 + JITTER_RATIO * (2 * random() - 1))
}
