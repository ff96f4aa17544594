import { asctime, escapeControls, escapeInline, type Level } from '../shared/log-format.ts'

/** A process that writes output: Ray's name for it, and its pid. */
export interface Source {
  readonly name: string
  readonly pid: number
}

/** The file that speaks, as lines of the command itself have it. */
export const SOURCE = 'cli/program.ts'

const CYAN = '\x1b[36m'
const RESET = '\x1b[0m'

/** What stands before each line of a process's output. */
export function showPrefix({ name, pid }: Source, colour: boolean): string {
  const prefix = `(${escapeInline(name)} pid=${pid})`
  return colour ? `${CYAN}${prefix}${RESET} ` : `${prefix} `
}

/** Whose output a file of the output directory holds; undefined for a file of another kind. */
export function outputSource(fileName: string): Source | undefined {
  const [, name, pid] = /^(.+)-([1-9]\d*)\.out$/.exec(fileName) ?? []
  if (name === undefined || pid === undefined) return undefined
  try {
    return { name: decodeURIComponent(name), pid: Number(pid) }
  } catch {
    return undefined
  }
}

export interface ColourEnvironment {
  readonly NO_COLOR?: string | undefined
  readonly FORCE_COLOR?: string | undefined
}

/** Colours are for terminals. `FORCE_COLOR` (force-color.org) decides otherwise, `NO_COLOR` (no-color.org) over all. */
export function isColourful({ NO_COLOR, FORCE_COLOR }: ColourEnvironment, isTTY: boolean): boolean {
  if (NO_COLOR) return false
  if (FORCE_COLOR) return FORCE_COLOR !== '0' && FORCE_COLOR !== 'false'
  return isTTY
}

/** A line of the command line tool itself, as Ray's prints it; `source` is the file that speaks. */
export function cliLine(level: Level, source: string, message: string, nowMs: number): string {
  return `${asctime(nowMs)}\t${level} ${source} -- ${escapeControls(message)}`
}
