/**
 * The stack of an error without the frames of Node, of batoid and of what compiles TypeScript, which tell a user nothing about a mistake of their own.
 * `ours` is how our own frames are told: by default, by the place of this file.
 */
export function userStack(error: unknown, ours: string = import.meta.url.replace(/[^/]*$/, '')): string {
  if (!(error instanceof Error)) return String(error)
  const stack = error.stack ?? `${error.name}: ${error.message}`
  const place = ours.replace('file://', '')
  const lines = stack.split('\n').filter((line) => !isForeign(line, place))
  return lines.join('\n') + causeOf(error, ours)
}

function isForeign(line: string, place: string): boolean {
  if (!/^\s+at /.test(line)) return false
  return line.includes('node:internal/') || line.includes(place) || /\/node_modules\/(tsx|esbuild)\//.test(line)
}

function causeOf(error: Error, ours: string): string {
  return error.cause === undefined ? '' : `\nCaused by: ${userStack(error.cause, ours)}`
}
