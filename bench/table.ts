import { GOALS, type GoalId, verdictOf } from './goals.ts'
import type { Spread } from './statistics.ts'

/** A Markdown table whose columns line up in a terminal too; the first is text, the others are figures. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) => Math.max(title.length, 3, ...rows.map((row) => row[column]?.length ?? 0)))
  const line = (cells: readonly string[]): string => {
    const padded = widths.map((width, column) => {
      const cell = cells[column] ?? ''
      return column === 0 ? cell.padEnd(width) : cell.padStart(width)
    })
    return `| ${padded.join(' | ')} |`
  }
  const rule = widths.map((width, column) => (column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`))
  return [line(head), line(rule), ...rows.map(line)].join('\n')
}

/** Three digits that matter, and no more than the figure bears. */
export function figure(value: number | undefined): string {
  if (value === undefined || !Number.isFinite(value)) return '–'
  if (Math.abs(value) >= 100 || Number.isInteger(value)) return value.toFixed(0)
  return value.toFixed(Math.abs(value) >= 10 ? 1 : 2)
}

/** `0.42 [0.38–0.47]`. */
export function spreadText(measured: Spread | undefined): string {
  if (measured === undefined) return '–'
  const { median, min, max } = measured
  return min === max ? figure(median) : `${figure(median)} [${figure(min)}–${figure(max)}]`
}

export type Findings = ReadonlyMap<GoalId, Spread | undefined>

/** Every goal among `findings` with its floor beside it, and whether it holds. */
export function goalTable(findings: Findings): string {
  const rows = [...findings].map(([id, measured]) => {
    const { what, better, unit, floor, goal } = GOALS[id]
    const bar = (value: number | undefined): string =>
      value === undefined ? '–' : `${better === 'more' ? '≥' : '≤'} ${figure(value)}`
    const verdict = verdictOf(GOALS[id], measured)
    const shown = verdict === 'floor missed' ? '**floor missed**' : verdict
    return [unit === '' ? what : `${what}, ${unit}`, spreadText(measured), bar(floor), bar(goal), shown]
  })
  return table(['what', 'measured', 'floor', 'goal', ''], rows)
}
