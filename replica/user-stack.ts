/** dist/ of this package, or the folder of this file where it runs from source. */
const OURS = import.meta.url.replace('file://', '').replace(/(\/dist\/|[^/]*$).*$/, '$1')

/**
 * The stack of an error without the frames of Node, of batoid and of what compiles TypeScript, which tell a user
 * nothing about a mistake of their own.
 */
export function userStack(error: unknown, ours: string = OURS): string {
  if (!(error instanceof Error)) return String(error)
  const stack = error.stack ?? `${error.name}: ${error.message}`
  const lines = stack.split('\n').filter((line) => !isForeign(line, ours))
  return lines.join('\n') + (error.cause === undefined ? '' : `\nCaused by: ${userStack(error.cause, ours)}`)
}

function isForeign(line: string, ours: string): boolean {
  if (!/^\s+at /.test(line)) return false
  // The examples are compiled into the same place, and are a user's code.
  const isOurs = line.includes(ours) && !line.includes(`${ours}examples/`)
  return isOurs || line.includes('node:internal/') || /\/node_modules\/(tsx|esbuild)\//.test(line)
}
