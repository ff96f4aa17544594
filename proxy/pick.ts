import type { Random } from '../shared/ids.ts'

interface Busy {
  readonly ongoing: number
}

/**
 * The power of two choices: of two distinct candidates drawn at random the one with fewer ongoing requests, which
 * keeps the longest queue at O(log log n) where one random draw lets it grow to O(log n) (Mitzenmacher 2001), and
 * does not herd onto the same replica as "always the least busy" does when several proxies decide at once.
 */
export function pick<T extends Busy>(candidates: readonly T[], random: Random): T | undefined {
  const first = Math.floor(random() * candidates.length)
  // Drawn from the others: an index at or behind the first one moves up by one.
  const other = Math.floor(random() * (candidates.length - 1))
  const a = candidates[first]
  const b = candidates[other < first ? other : other + 1]
  if (a === undefined || b === undefined) return a
  return b.ongoing < a.ongoing ? b : a
}
