import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Bench, Section } from '../bench.ts'
import { runArgs } from '../contestants/batoid.ts'
import { quotients, spread } from '../statistics.ts'
import { spreadText, table } from '../table.ts'

interface Start {
  readonly what: string
  args(session: string): readonly [string, ...string[]]
}

/** From the command to the line that says that the application is ready, beside a bare Node process. */
export async function start(bench: Bench): Promise<Section> {
  const { site, options, say } = bench
  say('start-up')
  const npm =
    (...target: string[]) =>
    (session: string): readonly [string, ...string[]] => [
      'npm',
      'start',
      '--',
      ...target,
      '--http-port',
      '0',
      '--session-dir',
      session,
    ]
  const starts: readonly Start[] = [
    { what: '`batoid run`, compiled', args: (session) => runArgs(site, { target: 'two', port: 0, session }) },
    { what: '`npm start`, the compiled example', args: npm() },
    { what: '`npm start -- examples/classifier/main.ts:app`', args: npm('examples/classifier/main.ts:app') },
  ]
  const measured = starts.map(({ what, args }) => ({
    what,
    args,
    bare: [0].slice(1),
    ready: [0].slice(1),
    left: [0].slice(1),
  }))
  for (let round = 0; round < options.rounds; round += 1) {
    for (const [index, { args, bare, ready, left }] of measured.entries()) {
      bare.push(bareNode())
      const { readyMs, leftMs } = await startAndStop(args(join(site.directory, `start-${round}-${index}`)))
      ready.push(readyMs)
      left.push(leftMs)
    }
  }
  const rows = measured.map(({ what, bare, ready, left }) => [
    what,
    ...[ready, bare, quotients(ready, bare), left].map((values) => spreadText(spread(values))),
  ])
  const head = ['', 'ready, ms', 'bare Node, ms', 'ratio', 'Ctrl-C to exit, ms']
  return {
    title: 'Start-up',
    text: table(head, rows),
    findings: new Map([['start', spread(measured[0]?.ready ?? [])]]),
  }
}

function bareNode(): number {
  const began = performance.now()
  spawnSync(process.execPath, ['-e', '0'])
  return performance.now() - began
}

async function startAndStop([command, ...args]: readonly [string, ...string[]]) {
  const began = performance.now()
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'exit')
  const readyMs = await new Promise<number>((resolve, reject) => {
    let output = ''
    child.stdout.on('data', (data) => {
      output += data
      if (output.includes('is ready at')) resolve(performance.now() - began)
    })
    ended.then(() => reject(new Error(`${command} ${args.join(' ')} ended early: ${output}`)), reject)
  })
  const stopped = performance.now()
  child.kill('SIGINT')
  await ended
  return { readyMs, leftMs: performance.now() - stopped }
}
