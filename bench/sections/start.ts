import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import type { Bench, Section } from '../bench.ts'
import type { Site } from '../contestants.ts'
import { runArgs } from '../contestants/batoid.ts'
import type { Command, Processes } from '../processes.ts'
import { quotients, spread } from '../statistics.ts'
import { spreadText, table } from '../table.ts'

const READY_MS = 60_000

interface Start {
  readonly what: string
  args(site: Site, session: string): Command['args']
  readonly bareMs: number[]
  readonly readyMs: number[]
  readonly leftMs: number[]
}

const STARTS: readonly Pick<Start, 'what' | 'args'>[] = [
  { what: '`batoid run`, compiled', args: (site, session) => runArgs(site, { target: 'two', port: 0, session }) },
  { what: '`npm start`, the compiled example', args: (_, session) => npmStart(session) },
  {
    what: '`npm start -- examples/classifier/main.ts:app`',
    args: (_, session) => npmStart(session, 'examples/classifier/main.ts:app'),
  },
]

/** From the command to the line that says that the application is ready, beside a bare Node process. */
export async function start(bench: Bench): Promise<Section> {
  const { site, options, say } = bench
  say('start-up')
  const starts = STARTS.map((each): Start => ({ ...each, bareMs: [], readyMs: [], leftMs: [] }))
  for (let round = 0; round < options.rounds; round += 1) {
    for (const [index, each] of starts.entries()) {
      each.bareMs.push(bareNode())
      const session = join(site.directory, `start-${round}-${index}`)
      const { readyMs, leftMs } = await startAndStop(site.processes, each.args(site, session))
      each.readyMs.push(readyMs)
      each.leftMs.push(leftMs)
    }
  }
  const rows = starts.map(({ what, bareMs, readyMs, leftMs }) => [
    what,
    ...[readyMs, bareMs, quotients(readyMs, bareMs), leftMs].map((values) => spreadText(spread(values))),
  ])
  const head = ['', 'ready, ms', 'bare Node, ms', 'ratio', 'SIGTERM to exit, ms']
  return {
    title: 'Start-up',
    text: table(head, rows),
    findings: new Map([['start', spread(starts[0]?.readyMs ?? [])]]),
  }
}

function npmStart(session: string, ...target: string[]): Command['args'] {
  return ['npm', 'start', '--', ...target, '--http-port', '0', '--dashboard-port', '0', '--session-dir', session]
}

function bareNode(): number {
  const began = performance.now()
  spawnSync(process.execPath, ['-e', '0'])
  return performance.now() - began
}

async function startAndStop(processes: Processes, args: Command['args']): Promise<{ readyMs: number; leftMs: number }> {
  const began = performance.now()
  const leash = processes.start({ name: 'start', args, output: 'caller' })
  const readyMs = await new Promise<number>((resolve, reject) => {
    let output = ''
    const overdue = setTimeout(() => reject(new Error(`${args.join(' ')} was not ready: ${output}`)), READY_MS)
    leash.stdout?.on('data', (data) => {
      output += data
      if (!output.includes('is ready at')) return
      clearTimeout(overdue)
      resolve(performance.now() - began)
    })
  })
  const stopped = performance.now()
  await processes.stop('start')
  return { readyMs, leftMs: performance.now() - stopped }
}
