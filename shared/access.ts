export interface AccessFacts {
  readonly method: string
  /** The pattern that answered, never the path: paths are without number, and may hold anything. */
  readonly route: string
  readonly status: number | 'CANCELLED'
  readonly durationMs: number
}

/** The message of an access line, as Ray writes it: `GET /docs 200 1.2ms`. */
export function showAccess({ method, route, status, durationMs }: AccessFacts): string {
  // `toFixed` costs 0.4 µs more.
  const tenths = Math.round(durationMs * 10)
  return `${method} ${route} ${status} ${Math.floor(tenths / 10)}.${tenths % 10}ms`
}
