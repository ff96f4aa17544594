import type { Site } from './contestants.ts'
import type { Load } from './load.ts'
import type { Options } from './options.ts'
import type { Findings } from './table.ts'

/** What a section works with. */
export interface Bench {
  readonly options: Options
  readonly site: Site
  readonly load: Load
  /**
   * Tells how long each answer took, and no more. wrk adds what would have been sent meanwhile ("coordinated omission"): to one
   * answer of 100 ms among many of 8 a dozen that never were, so that two in a thousand decide the p99.
   */
  readonly plainLoad: Load
  /** A line for who waits. */
  say(text: string): void
}

/** What a section has found out. */
export interface Section {
  readonly title: string
  /** Markdown. */
  readonly text: string
  readonly findings: Findings
}
