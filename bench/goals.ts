import type { Spread } from './statistics.ts'

/** The numbers of the design that this project is held to. */
export type GoalId =
  | 'http-proxy'
  | 'nginx'
  | 'watt'
  | 'ray'
  | 'added p50'
  | 'stream'
  | 'features'
  | 'slow throughput'
  | 'slow p99'
  | 'slow comeback'
  | 'start'
  | 'proxy memory'
  | 'replica memory'
  | 'replica killed'
  | 'only replica killed'
  | 'proxy killed, refused'
  | 'proxy killed, next answer'
  | 'controller killed'

export interface Goal {
  readonly what: string
  readonly better: 'more' | 'less'
  readonly unit: string
  /** The least that has to hold; undefined: none. */
  readonly floor: number | undefined
  readonly goal: number
}

const ratio = (what: string, floor: number, goal: number): Goal => ({ what, better: 'more', unit: '', floor, goal })
const cost = (what: string, unit: string, floor: number | undefined, goal: number): Goal => ({
  what,
  better: 'less',
  unit,
  floor,
  goal,
})

export const GOALS: Readonly<Record<GoalId, Goal>> = {
  'http-proxy': ratio('requests/s ÷ plain http-proxy with a keep-alive agent, which does nothing else', 1.3, 2),
  nginx: ratio('requests/s ÷ nginx with access log, before the same replicas', 0.35, 0.55),
  watt: ratio('requests/s ÷ Watt gateway', 4, 7),
  ray: ratio('requests/s ÷ Ray Serve', 20, 50),
  'added p50': cost('p50 added at 8 connections ÷ what nginx adds', '', 4, 3),
  stream: ratio('1 MB stream ÷ nginx', 0.6, 1),
  features: ratio('all features ÷ none, same transport', 0.65, 0.85),
  'slow throughput': ratio('one slow replica of four: requests/s ÷ round robin', 2, 4),
  'slow p99': cost('one slow replica of four: p99 of the whole', 'ms', undefined, 25),
  'slow comeback': cost('the slow replica, fast again: until it has its share', 's', 10, 10),
  start: cost('compiled, `batoid run` to "is ready", 2 replicas', 'ms', 2000, 1200),
  'proxy memory': cost('resident memory of the proxy under load', 'MiB', 110, 85),
  'replica memory': cost('resident memory of an empty replica', 'MiB', 80, 60),
  'replica killed': cost('`kill -9` one of two replicas under load: failed', '', 0, 0),
  'only replica killed': cost('`kill -9` the only replica: next answer, less the start of one', 's', 1, 0.2),
  'proxy killed, refused': cost('`kill -9` the proxy: refused connections', '', 0, 0),
  'proxy killed, next answer': cost('`kill -9` the proxy: next answer', 's', 1, 0.4),
  'controller killed': cost('`kill -9` the controller: failed, or other replicas', '', 0, 0),
}

export type Verdict = 'goal reached' | 'floor held' | 'goal not reached' | 'floor missed' | 'not measured'

export function verdictOf({ better, floor, goal }: Goal, measured: Spread | undefined): Verdict {
  if (measured === undefined) return 'not measured'
  const reaches = (bar: number): boolean => (better === 'more' ? measured.median >= bar : measured.median <= bar)
  if (reaches(goal)) return 'goal reached'
  if (floor === undefined) return 'goal not reached'
  return reaches(floor) ? 'floor held' : 'floor missed'
}
