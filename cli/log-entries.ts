import { logFileName } from '../shared/log.ts'

/** Whose log, and what of it; undefined: everybody's, everything. */
export interface Choice {
  readonly app?: string
  readonly deployment?: string
  readonly replica?: string
  readonly request?: string
}

/** Whether a log file is one of those that are meant. */
export function choose(file: string, { app, deployment, replica }: Choice): boolean {
  if (!/\.log(\.\d+)?$/.test(file)) return false
  if (app === undefined && deployment === undefined && replica === undefined) return true
  if (!file.startsWith('replica_')) return false
  const name = file.replace(/\.log(\.\d+)?$/, '')
  const hasApp = app === undefined || name.startsWith(logFileName(`replica_${app}_`))
  const hasDeployment = deployment === undefined || name.includes(logFileName(`_${deployment}_`))
  return hasApp && hasDeployment && (replica === undefined || name.endsWith(`_${replica}`))
}

/** A line with a time, and those after it that have none. */
export interface Entry {
  readonly time: string
  readonly text: string
}

const TIME = /^(?:\S+ (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3})|\{"asctime":"([^"]+)")/

export function entriesOf(text: string): Entry[] {
  const entries: { time: string; text: string }[] = []
  for (const line of text.split('\n').slice(0, -1)) {
    const [, time, jsonTime] = TIME.exec(line) ?? []
    const last = entries.at(-1)
    const found = time ?? jsonTime
    if (found === undefined && last !== undefined) last.text += `\n${line}`
    else entries.push({ time: found ?? '', text: line })
  }
  return entries
}

/** By their times; what is of the same time stays in its order. */
export function inOrder(entries: readonly Entry[]): Entry[] {
  return entries.toSorted((a, b) => (a.time < b.time ? -1 : Number(a.time > b.time)))
}
