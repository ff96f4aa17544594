/**
 * `npm run bench`: how long it takes from `npm start` (compiled already) to the line that says that the application is
 * ready, beside a bare Node process on the same machine in the same minute. Medians; the machine's noise is in both.
 */
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, cpus, tmpdir } from 'node:os'
import { join } from 'node:path'

const ROUNDS = 9

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]

function bareNode() {
  const start = performance.now()
  spawnSync(process.execPath, ['-e', '0'])
  return performance.now() - start
}

async function startCluster(target) {
  const session = mkdtempSync(join(tmpdir(), 'batoid-bench-'))
  const start = performance.now()
  const args = ['start', '--', ...target, '--http-port', '0', '--session-dir', session]
  const child = spawn('npm', args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const readyMs = await new Promise((resolve) => {
    let output = ''
    child.stdout.on('data', (data) => {
      output += data
      if (output.includes('is ready at')) resolve(performance.now() - start)
    })
  })
  const ended = new Promise((resolve) => child.once('exit', resolve))
  const stop = performance.now()
  child.kill('SIGINT')
  await ended
  rmSync(session, { recursive: true, force: true })
  return { readyMs, stopMs: performance.now() - stop }
}

const targets = {
  'npm start (compiled example)': [],
  'npm start -- examples/classifier/main.ts:app': ['examples/classifier/main.ts:app'],
}
await startCluster([])
console.log(
  `Node ${process.versions.node}, ${availableParallelism()} × ${cpus()[0]?.model.trim()}, ${ROUNDS} rounds, medians`,
)
for (const [name, target] of Object.entries(targets)) {
  const bare = []
  const ready = []
  const stopped = []
  for (let round = 0; round < ROUNDS; round += 1) {
    bare.push(bareNode())
    const { readyMs, stopMs } = await startCluster(target)
    ready.push(readyMs)
    stopped.push(stopMs)
  }
  const ratio = (median(ready) / median(bare)).toFixed(1)
  console.log(
    `${name}: ready ${median(ready).toFixed(0)} ms (${ratio} × bare Node, ${median(bare).toFixed(0)} ms); Ctrl-C to exit ${median(stopped).toFixed(0)} ms`,
  )
}
