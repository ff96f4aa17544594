import { logFileName } from '../shared/log.ts'

/** Whose log, and what of it; undefined: everybody's, everything. */
export interface Choice {
  readonly app?: string
  readonly deployment?: string
  readonly replica?: string
  readonly request?: string
}

const LOG_FILE = /^(.+)\.log(?:\.(\d+))?$/

/** What the name of a log file says: whose it is, and how many files of that process are newer. */
export function logFileOf(file: string): { readonly stem: string; readonly age: number } | undefined {
  const [, stem, age = '0'] = LOG_FILE.exec(file) ?? []
  return stem === undefined ? undefined : { stem, age: Number(age) }
}

const REPLICA = /^replica_(.+)_([^_]+)$/

/**
 * Whether the log files of a process are meant. Those of a replica have one name for deployment `b_c` of application `a`
 * and `c` of `a_b`: `deployments`, which is all that are known, `application:deployment` each, tells which there is.
 */
export function choose(stem: string, choice: Choice, deployments: readonly string[]): boolean {
  const { app, deployment, replica } = choice
  if (app === undefined && deployment === undefined && replica === undefined) return true
  const [, owner, id] = REPLICA.exec(stem) ?? []
  if (owner === undefined || (replica !== undefined && replica !== id)) return false
  const known = deployments.filter((one) => logFileName(one) === owner)
  if (known.length > 0) return known.some((one) => isOf(one, ':', choice))
  const plain = { app: app && logFileName(app), deployment: deployment && logFileName(deployment) }
  return isOf(owner, '_', plain)
}

interface Owner {
  readonly app?: string | undefined
  readonly deployment?: string | undefined
}

function isOf(owner: string, separator: string, { app, deployment }: Owner): boolean {
  if (app !== undefined && deployment !== undefined) return owner === app + separator + deployment
  if (app !== undefined) return owner.startsWith(app + separator)
  return deployment === undefined || owner.endsWith(separator + deployment)
}

/** A line with a time, and those after it that have none. */
export interface Entry {
  readonly time: string
  readonly text: string
}

const TIME = /^(?:\S+ (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3})|\{"asctime":"([^"]+)")/

// What the lines of one process say. Texts are whole lines each.
export function* entriesOf(texts: Iterable<string>): Generator<Entry> {
  let entry: { time: string; text: string } | undefined
  for (const text of texts) {
    for (const line of text.split('\n').slice(0, -1)) {
      const [, time, jsonTime] = TIME.exec(line) ?? []
      const found = time ?? jsonTime
      if (found === undefined && entry !== undefined) {
        entry.text += `\n${line}`
        continue
      }
      if (entry !== undefined) yield entry
      entry = { time: found ?? '', text: line }
    }
  }
  if (entry !== undefined) yield entry
}

interface Head {
  readonly entry: Entry
  readonly rest: Iterator<Entry>
  readonly index: number
}

// By their times, if each of the processes has its entries in order; what is of the same time stays in its order.
export function* inOrder(processes: readonly Iterable<Entry>[]): Generator<Entry> {
  const heads: Head[] = []
  processes.forEach((entries, index) => advance(heads, { rest: entries[Symbol.iterator](), index }))
  for (let head = heads.pop(); head !== undefined; head = heads.pop()) {
    yield head.entry
    advance(heads, head)
  }
}

/** Puts the next entry of a process where it belongs: the last one is the first to be shown. */
function advance(heads: Head[], { rest, index }: Omit<Head, 'entry'>): void {
  const { done, value: entry } = rest.next()
  if (done === true) return
  let [low, high] = [0, heads.length]
  while (low < high) {
    const middle = (low + high) >> 1
    const other = heads[middle]
    if (other !== undefined && isLater(other, entry, index)) low = middle + 1
    else high = middle
  }
  heads.splice(low, 0, { entry, rest, index })
}

function isLater(other: Head, { time }: Entry, index: number): boolean {
  return other.entry.time === time ? other.index > index : other.entry.time > time
}
