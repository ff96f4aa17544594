import type { Random } from '../shared/ids.ts'

/** What a choice depends on. Asked for a handful of candidates per request, so nothing here makes an array. */
export interface Criteria<T> {
  readonly isOpen: (candidate: T) => boolean
  readonly costOf: (candidate: T) => number
}

/**
 * The power of two choices: of two distinct open candidates drawn at random the one that costs less, which keeps the
 * longest queue at O(log log n) where one random draw lets it grow to O(log n) (Mitzenmacher 2001), and does not herd
 * onto the same replica as "always the cheapest" does when several proxies decide at once.
 */
export function pick<T>(candidates: readonly T[], random: Random, criteria: Criteria<T>): T | undefined {
  const first = draw(candidates.length, random)
  const a = candidates[first]
  const b = candidates[drawOther(candidates.length, first, random)]
  if (a === undefined) return undefined
  // Nearly always both are open, so that nobody has to be counted.
  if (b !== undefined && criteria.isOpen(a) && criteria.isOpen(b)) return cheaper(a, b, criteria)
  return pickOpen(candidates, random, criteria)
}

function pickOpen<T>(candidates: readonly T[], random: Random, criteria: Criteria<T>): T | undefined {
  let open = 0
  for (const candidate of candidates) if (criteria.isOpen(candidate)) open += 1
  if (open === 0) return undefined
  const first = draw(open, random)
  const a = openAt(candidates, first, criteria)
  const b = open === 1 ? undefined : openAt(candidates, drawOther(open, first, random), criteria)
  return a === undefined || b === undefined ? a : cheaper(a, b, criteria)
}

function openAt<T>(candidates: readonly T[], position: number, { isOpen }: Criteria<T>): T | undefined {
  let passed = 0
  for (const candidate of candidates) {
    if (!isOpen(candidate)) continue
    if (passed === position) return candidate
    passed += 1
  }
  return undefined
}

function cheaper<T>(a: T, b: T, criteria: Criteria<T>): T {
  return criteria.costOf(b) < criteria.costOf(a) ? b : a
}

function draw(count: number, random: Random): number {
  return Math.floor(random() * count)
}

/** Drawn from the others: a number at or behind the first one moves up by one. */
function drawOther(count: number, first: number, random: Random): number {
  const other = draw(count - 1, random)
  return other < first ? other : other + 1
}
