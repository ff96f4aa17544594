import { closestMatch } from 'leven'

/** What somebody who wrote `word` may have meant; undefined where nothing is near enough to be more than a guess. */
export function nearest(word: string, words: readonly string[]): string | undefined {
  const plain = bare(word)
  const begun = words.filter((other) => plain.length > 1 && bare(other).startsWith(plain))
  // Also with letters that were struck in another order, as far as edits go two mistakes.
  const same =
    words.find((other) => bare(other) === plain) ??
    words.find((other) => letters(other) === letters(word)) ??
    (begun.length === 1 ? begun[0] : undefined)
  return same ?? closestMatch(word, words, { maxDistance: Math.max(1, Math.floor(word.length / 3)) })
}

/** Without what tells the ways of writing names apart. */
function bare(word: string): string {
  return word.toLowerCase().replaceAll(/[_-]/g, '')
}

function letters(word: string): string {
  return Array.from(bare(word)).toSorted().join('')
}
