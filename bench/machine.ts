import { spawnSync } from 'node:child_process'
import { availableParallelism, cpus, loadavg, release, totalmem, type } from 'node:os'
import { VERSION } from '../shared/version.ts'

/** What the figures were measured on, in one line. */
export function machine(): string {
  const cores = `${availableParallelism()} × ${cpus()[0]?.model.trim() ?? 'unknown processor'}`
  const memory = `${Math.round(totalmem() / 1024 ** 3)} GiB`
  return `${cores}, ${memory}, ${type()} ${release()}, Node ${process.versions.node}, batoid ${VERSION}`
}

/** What is to be known before the figures are believed. */
export function busyness([load = 0] = loadavg(), cores = availableParallelism()): string {
  const busy = load > cores / 2 ? ' **The machine was busy with something else: these figures mean little.**' : ''
  return `Load average before: ${load.toFixed(1)}.${busy}`
}

/** What a command says of its version, shortened to the number; undefined when it is not there. */
export function versionOf(command: string, ...args: string[]): string | undefined {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8', timeout: 20_000 })
  // wrk has no way to say it that ends with 0.
  if (error !== undefined || status === null) return undefined
  return /\d+\.\d+(\.\d+)?/.exec(stdout + stderr)?.[0]
}
