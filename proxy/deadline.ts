/** How long a request may take, and what its client wishes: Ray's header, in seconds. */
export const TIMEOUT_HEADER = 'x-request-timeout-seconds'

/** What the client says, if it is a number; 0 or less: any time. Otherwise what is configured. */
export function timeoutS(header: string | readonly string[] | undefined, defaultS: number | null): number | undefined {
  const text = typeof header === 'string' ? header.trim() : ''
  const wished = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(text) ? Number(text) : (defaultS ?? 0)
  return wished > 0 && Number.isFinite(wished) ? wished : undefined
}

/** As Python prints a float. */
export function showFloat(value: number): string {
  if (Math.abs(value) >= 1e16 || (value !== 0 && Math.abs(value) < 1e-4)) {
    return value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2')
  }
  return Number.isInteger(value) ? `${value}.0` : String(value)
}
