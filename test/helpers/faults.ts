import { readdirSync } from 'node:fs'
import { isAlive } from '../../shared/members.ts'
import { outputDirectory } from '../../shared/session.ts'
import type { Clients } from './clients.ts'
import type { Launched } from './cluster.ts'
import { eventually } from './eventually.ts'

type Kind = 'ServeController' | 'ProxyActor' | 'ServeReplica'

/** The living processes of a kind. A replica whose controller has died is nobody's child, but has its output. */
export function pidsOf({ session }: Launched, kind: Kind): number[] {
  return readdirSync(outputDirectory({ directory: session }))
    .map((file) => Number(new RegExp(`^${kind}.*-(\\d+)\\.out$`).exec(file)?.[1] ?? 0))
    .filter((pid) => pid > 0 && isAlive(pid))
    .toSorted((a, b) => a - b)
}

/** How many processes of a kind there ever were. */
export function startedOf({ session }: Launched, kind: Kind): number {
  return readdirSync(outputDirectory({ directory: session })).filter(
    (file) => file.startsWith(kind) && file.endsWith('.out'),
  ).length
}

export async function pidOf(cluster: Launched, kind: Kind): Promise<number> {
  return await eventually(() => pidsOf(cluster, kind)[0])
}

/** `kill -9`, and the pid of the process that is there in its place. */
export async function killAndReplace(cluster: Launched, kind: Kind): Promise<number> {
  const before = await pidOf(cluster, kind)
  process.kill(before, 'SIGKILL')
  return await eventually(() => pidsOf(cluster, kind).find((pid) => pid !== before))
}

/** When each line that matches was logged, in milliseconds. */
export function loggedAt(log: string, line: RegExp): number[] {
  return log
    .split('\n')
    .filter((text) => line.test(text))
    .map((text) => Date.parse(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}/.exec(text)?.[0].replace(',', '.') ?? ''))
}

/** How long after `since` the first answer came, of those that `isIt`. */
export function firstAnswerAfter(
  { told }: Clients,
  since: number,
  isIt: (text: string) => boolean,
): number | undefined {
  const found = told.filter(({ status, text }) => status === 200 && isIt(text))
  const after = found.map(({ at, tookMs }) => at + tookMs - since).filter((ms) => ms > 0)
  return after.length === 0 ? undefined : Math.min(...after)
}

/** In one line of figures: `median 3, most 5`. */
export function spread(values: readonly number[]): string {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (ratio: number) => Math.round(sorted[Math.floor((sorted.length - 1) * ratio)] ?? 0)
  return `median ${at(0.5)}, most ${at(1)}`
}
