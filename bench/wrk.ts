import type { Measured } from './load.ts'

const UNIT_MS: Record<string, number> = { us: 0.001, ms: 1, s: 1000, m: 60_000 }
const UNIT_BYTES: Record<string, number> = { B: 1, KB: 1024, MB: 1024 ** 2, GB: 1024 ** 3 }

/** Reads what `wrk --latency` prints. */
export function parseWrk(text: string): Measured {
  const total = /(\d+) requests in ([\d.]+)(\w+), ([\d.]+)(\w+) read/.exec(text)
  if (total === null) throw new Error(`wrk printed no result: ${text}`)
  const [, requests, time, timeUnit = '', size, sizeUnit = ''] = total
  const non2xx = Number(/Non-2xx or 3xx responses: (\d+)/.exec(text)?.[1] ?? 0)
  const errors = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text)?.slice(1) ?? []
  return {
    requests: Number(requests) - non2xx,
    seconds: (Number(time) * (UNIT_MS[timeUnit] ?? Number.NaN)) / 1000,
    p50Ms: percentile(text, 50),
    p99Ms: percentile(text, 99),
    bytes: Number(size) * (UNIT_BYTES[sizeUnit] ?? Number.NaN),
    failed: errors.reduce((sum, count) => sum + Number(count), non2xx),
  }
}

function percentile(text: string, percent: number): number {
  const [, value, unit = ''] = new RegExp(`^ +${percent}% +([\\d.]+)(\\w+)`, 'm').exec(text) ?? []
  return Number(value) * (UNIT_MS[unit] ?? Number.NaN)
}
