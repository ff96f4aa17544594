export interface AccessFacts {
  readonly method: string
  /** The pattern that answered, never the path: paths are without number, and may hold anything. */
  readonly route: string
  readonly status: number | 'CANCELLED'
  readonly durationMs: number
}

/** The message of an access line, as Ray writes it: `GET /docs 200 1.2ms`. */
export function showAccess({ method, route, status, durationMs }: AccessFacts): string {
  return `${method} ${route} ${status} ${durationMs.toFixed(1)}ms`
}
