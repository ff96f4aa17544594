import type { CallSite } from './call-site.ts'
import type { Level } from './log-format.ts'
import { asctime } from './log-format.ts'

/** Which process it is, by Ray's keys: the same in every line of it. */
export type Identity = Readonly<Record<string, string | number>>

export interface JsonEntry {
  readonly level: Level
  readonly nowMs: number
  readonly message: string
  readonly requestId?: string | undefined
  /** The pattern of the route, or its prefix. */
  readonly route?: string | undefined
  readonly site?: CallSite | undefined
}

/** A log line as Ray's JSON encoding has it, one object a line. */
export function jsonLine(identity: Identity, { level, nowMs, message, requestId, route, site }: JsonEntry): string {
  const about = {
    ...(route === undefined ? {} : { route }),
    ...(requestId === undefined ? {} : { request_id: requestId }),
  }
  const text = JSON.stringify({ asctime: asctime(nowMs), levelname: level, message, ...site, ...identity, ...about })
  // Nanoseconds are more than a number can count exactly, so their digits are written.
  return `${text.slice(0, -1)},"timestamp_ns":${Math.floor(nowMs)}000000}\n`
}
