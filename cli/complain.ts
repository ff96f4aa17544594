import { catalogue, messageOf, ServeError } from '../shared/errors.ts'

/** One clear line, after the user's own stack if user code threw. */
export function complain(error: unknown): number {
  if (!(error instanceof ServeError)) {
    console.error(error instanceof Error ? error.stack : messageOf(error))
    return catalogue.internal.exit
  }
  if (error.userStack !== undefined) console.error(error.userStack)
  console.error(`ERROR: ${error.message}`)
  return catalogue[error.code].exit
}
