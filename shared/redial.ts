import type { Random } from './ids.ts'

const FIRST_MS = 50
const GROWTH = 1.5
const MAX_MS = 1000
const JITTER_RATIO = 0.25

/**
 * How long to wait before the connection is tried again, after so many failures in a row. It grows by less than twice,
 * because a cluster that starts dials a controller that is not up yet: what is lost there is at most this share of the
 * time that it took to come up. The jitter keeps a thousand replicas from dialling a restarted one in the same moment.
 */
export function redialDelayMs(failures: number, random: Random): number {
  const delayMs = Math.min(FIRST_MS * GROWTH ** failures, MAX_MS)
  return delayMs * (1 - JITTER_RATIO + 2 * JITTER_RATIO * random())
}
