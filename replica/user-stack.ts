import { messageOf } from '../shared/errors.ts'

/** dist/ of this package, or the folder of this file where it runs from source. */
const OURS = import.meta.url.replace('file://', '').replace(/(\/dist\/|[^/]*$).*$/, '$1')

/**
 * The stack of an error without the frames of Node, of batoid and of what compiles TypeScript, which tell a user
 * nothing about a mistake of their own.
 */
export function userStack(error: unknown, ours: string = OURS): string {
  return [...causesOf(error)].map((cause) => ownStack(cause, ours)).join('\nCaused by: ')
}

/** The error, its cause, the cause of that, … once each: an error may be its own cause. */
function causesOf(error: unknown): Set<unknown> {
  const causes = new Set<unknown>([error])
  for (const one of causes) if (one instanceof Error && one.cause !== undefined) causes.add(one.cause)
  return causes
}

function ownStack(error: unknown, ours: string): string {
  if (!(error instanceof Error)) return messageOf(error)
  const stack = error.stack ?? `${error.name}: ${messageOf(error)}`
  return stack
    .split('\n')
    .filter((line) => !isForeign(line, ours))
    .join('\n')
}

/** The frames of a stack that are the user's. */
export function userFrames(stack: string, ours: string = OURS): string[] {
  return stack.split('\n').filter((line) => FRAME.test(line) && !isForeign(line, ours))
}

const FRAME = /^\s+at /

function isForeign(line: string, ours: string): boolean {
  if (!FRAME.test(line)) return false
  // The examples are compiled into the same place, and are a user's code.
  const isOurs = line.includes(ours) && !line.includes(`${ours}examples/`)
  return isOurs || line.includes('node:internal/') || /\/node_modules\/(tsx|esbuild)\//.test(line)
}
