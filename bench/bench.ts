import type { Site } from './contestants.ts'
import type { Load } from './load.ts'
import type { Options } from './options.ts'
import type { Findings } from './table.ts'

/** What a section works with. */
export interface Bench {
  readonly options: Options
  readonly site: Site
  readonly load: Load
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
