/** Where a line of a log was written, as Python's log records have it. */
export interface CallSite {
  /** Without its directories. */
  readonly filename: string
  readonly lineno: number
}

/** Who called `callee`, which is being run. */
export function callerOf(callee: (...parameters: never[]) => unknown): CallSite | undefined {
  const { stackTraceLimit } = Error
  const holder: { stack?: string } = {}
  // Each frame costs; the limit is everybody's, so it is put back at once.
  Error.stackTraceLimit = 1
  Error.captureStackTrace(holder, callee)
  Error.stackTraceLimit = stackTraceLimit
  return callSiteIn(String(holder.stack).split('\n').at(-1) ?? '')
}

/** `    at handler (file:///srv/app/main.ts:12:5)` is line 12 of `main.ts`. */
export function callSiteIn(frame: string): CallSite | undefined {
  const [, filename, lineno] = /([^/\\():?]+)(?:\?[^:]*)?:(\d+):\d+\)?$/.exec(frame) ?? []
  return filename === undefined
    ? undefined
    : { filename: filename.replace(/^ *at (async )?/, ''), lineno: Number(lineno) }
}
