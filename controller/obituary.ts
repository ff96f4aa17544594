import { closeSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs'

/** What is known of a process when it has ended. */
export interface Obituary {
  /** `signal SIGKILL`, `exit code 7`. */
  readonly how: string
  readonly uptimeMs: number
  /** Resident memory when it was last looked at; undefined where the system does not tell. */
  readonly memoryBytes: number | undefined
  /** The end of what it wrote. */
  readonly lastLines: readonly string[]
}

/** When V8 gives up, what it says comes before a stack of some 20 long lines. */
const TAIL_BYTES = 8192
const TAIL_LINES = 30
const PAGE_BYTES = 4096

/** The end of a file, without a first line that is not whole; nothing if there is no such file. */
export function lastLinesOf(path: string): readonly string[] {
  try {
    const fd = openSync(path, 'r')
    try {
      const start = Math.max(0, fstatSync(fd).size - TAIL_BYTES)
      const buffer = Buffer.alloc(TAIL_BYTES)
      const text = buffer.toString('utf8', 0, readSync(fd, buffer, 0, TAIL_BYTES, start))
      const lines = text.split('\n').filter((line) => line !== '')
      return lines.slice(start > 0 ? 1 : 0).slice(-TAIL_LINES)
    } finally {
      closeSync(fd)
    }
  } catch {
    return []
  }
}

/** Resident memory of a process, where there is a /proc. */
export function memoryOf(pid: number): number | undefined {
  try {
    const pages = Number(readFileSync(`/proc/${pid}/statm`, 'latin1').split(' ')[1])
    return pages > 0 ? pages * PAGE_BYTES : undefined
  } catch {
    return undefined
  }
}

/** In one sentence, for people. */
export function showObituary({ how, uptimeMs, memoryBytes }: Obituary): string {
  const memory = memoryBytes === undefined ? '' : `, using ${Math.round(memoryBytes / 1024 / 1024)} MiB of memory`
  return `its process ended with ${how} after ${(uptimeMs / 1000).toFixed(1)} s${memory}`
}
