import { ServeError } from '../shared/errors.ts'

/** Reads what follows the import path, `key=value` each; the values are text. */
export function parseArguments(words: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    words.map((word) => {
      const at = word.indexOf('=')
      if (at > 0) return [word.slice(0, at), word.slice(at + 1)]
      throw new ServeError('bad_usage', `Invalid application argument '${word}', must be of the form '<key>=<val>'.`)
    }),
  )
}
