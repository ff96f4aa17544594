/**
 * Breaks the controller's decisions on purpose, one at a time, in a copy, and complains of each breakage that its unit and
 * property tests do not notice. A mutant whose text is not there any more has to be brought up to date.
 */
import { spawn } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

const RECONCILE = 'controller/reconcile.ts'
const LEDGER = 'controller/ledger.ts'
const FAILURES = 'controller/failures.ts'
const POLICY = 'controller/policy.ts'
const SLOW = 'controller/slow.ts'

/** [what it gets wrong, file, text, what stands there instead] */
const MUTANTS = [
  [
    'old replicas leave before new ones serve',
    RECONCILE,
    'const needed = Math.max(0, target - believed)',
    'const needed = Math.max(0, target - current.length)',
  ],
  ['a new version is believed in at once', POLICY, 'export const SOAK_MS = 1_000', 'export const SOAK_MS = 0'],
  [
    'a version that has lost replicas is believed in as soon as another',
    POLICY,
    'failuresOf(replica, seen).lost > 0 ? STABLE_MS : SOAK_MS',
    'failuresOf(replica, seen).lost > 99 ? STABLE_MS : SOAK_MS',
  ],
  [
    'the surge is not bounded',
    RECONCILE,
    'Math.min(targetReplicas - current.length, targetReplicas + surge - staying.length)',
    'targetReplicas - current.length',
  ],
  [
    'back-off is not waited for',
    RECONCILE,
    'return !isGivenUp(wanted, seen) && (inARow === 0 || now >= notBefore)',
    'return !isGivenUp(wanted, seen) && (inARow === 0 || now >= notBefore - 1)',
  ],
  [
    'nobody looks when the back-off is over',
    RECONCILE,
    '...[...seen.failures.values()].map(({ notBefore }) => notBefore),',
    '',
  ],
  [
    'nothing is ever given up',
    POLICY,
    'failuresOf(wanted, seen).starts >= wanted.maxStartFailures\n',
    'failuresOf(wanted, seen).starts > wanted.maxStartFailures\n',
  ],
  [
    'a failed start is counted when it is told and again when the process ends',
    LEDGER,
    "return enter(observed, event, () => ({ name: 'failed', error: event.error, deadline: now + LEAVE_MS }))",
    'return change(observed, deployment, (d) => couldNotStart(d, replica, event.error, { now, random }))',
  ],
  [
    'who does not leave in time is not killed',
    RECONCILE,
    "    case 'draining':\n      return phase.deadline",
    "    case 'draining':\n      return undefined",
  ],
  [
    'the oldest are given up first, also if they serve',
    RECONCILE,
    'return [...newestFirst.filter((replica) => !isServing(replica)), ...newestFirst.filter(isServing)]',
    'return newestFirst',
  ],
  [
    'the last that answers is not spared',
    RECONCILE,
    'const spared = target > 0 && !well.some(isServing) ? 1 : 0',
    'const spared = 0',
  ],
  [
    'a replica of a former controller that does not run is forgotten',
    LEDGER,
    "return replica.phase.name === 'running' ? ranAs(observed, id, replica) : put(observed, id, replica)",
    "return replica.phase.name === 'running' ? ranAs(observed, id, replica) : observed",
  ],
  [
    'one who is asked to leave while starting comes back as running',
    LEDGER,
    "if (replica.phase.name !== 'starting') return observed // told to leave while it was still starting",
    '',
  ],
  [
    'what is recorded differs from what was ordered',
    LEDGER,
    'return amend(observed, action, (replica) => ({ ...replica, taking: action.config }))',
    'return observed',
  ],
  [
    'a second batch takes a config over before the first is proven',
    RECONCILE,
    'replica.taking !== undefined || (!proven && replica.config === config)',
    'replica.taking !== undefined',
  ],
  ['an unhealthy replica is counted again when it dies', FAILURES, '  if (isUnhealthy(replica)) return d\n', ''],
  [
    'a long life does not end a row of failures',
    FAILURES,
    'const wasStable = why.now - since >= STABLE_MS',
    'const wasStable = why.now - since > STABLE_MS',
  ],
  [
    'one that lived for some time is replaced as late as one that did not',
    FAILURES,
    'restartDelayMs(hasty, random) - livedMs',
    'restartDelayMs(hasty, random) - 0 * livedMs',
  ],
  [
    'what a replica lends to its successor goes to another deployment',
    'controller/resources.ts',
    '!one.isLent || one.deployment !== deployment',
    '!one.isLent',
  ],
  [
    'replicas take room that others hold',
    RECONCILE,
    '    space.held.push({ deployment, allotment, isLent: false })\n',
    '',
  ],
  [
    'a warning is repeated at every turn',
    SLOW,
    '  if (seen.slow !== undefined && !isSlow(seen.slow.at)) return []\n',
    '',
  ],
]

const SOURCES = ['controller', 'shared', 'replica', 'proxy', 'package.json', 'tsconfig.json', '.mocharc.json']
const TESTS = ['test/unit/controller', 'test/helpers']
/** As many as there are cores on the smallest machine. */
const AT_A_TIME = 2

/** Runs the tests of the controller's decisions in a copy in which `text` of `file` has been replaced. */
async function run(mutate) {
  const directory = mkdtempSync(join(tmpdir(), 'mutant-'))
  try {
    for (const path of [...SOURCES, ...TESTS]) cpSync(path, join(directory, path), { recursive: true })
    symlinkSync(resolve('node_modules'), join(directory, 'node_modules'))
    mutate(directory)
    return await test(directory)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

function test(directory) {
  const mocha = join(directory, 'node_modules/mocha/bin/mocha.js')
  // The examples first: they are done in a moment.
  const files = ['reconcile', 'reconcile-properties'].map((name) => `test/unit/controller/${name}.test.ts`)
  const args = [mocha, '--no-parallel', '--bail', ...files]
  const child = spawn(process.execPath, args, { cwd: directory, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk))
  return new Promise((settle) => child.once('close', (code) => settle({ code, output })))
}

function replaceIn(file, text, other) {
  const source = readFileSync(file, 'utf8')
  if (source.split(text).length !== 2) throw new Error(`${file} does not have this text once: ${text}`)
  writeFileSync(
    file,
    source.replace(text, () => other),
  )
}

async function verdict([what, file, text, other]) {
  try {
    const { code, output } = await run((directory) => replaceIn(join(directory, file), text, other))
    // A mutant that does not even load says nothing of the tests.
    if (code !== 0 && !/^ +1 failing$/m.test(output)) return [false, `${what}: could not be run\n${output}`]
    return code === 0 ? [false, `${what}: no test notices`] : [true, what]
  } catch (error) {
    return [false, `${what}: ${error.message}`]
  }
}

const sound = await run(() => {})
if (sound.code !== 0) {
  console.error(`The tests fail without a mutant:\n${sound.output}`)
  process.exit(1)
}
const waiting = [...MUTANTS]
const verdicts = []
async function worker() {
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    const [isKilled, text] = await verdict(next)
    verdicts.push(isKilled)
    console.log(`${isKilled ? 'killed  ' : 'SURVIVED'} ${text}`)
  }
}
await Promise.all(Array.from({ length: AT_A_TIME }, worker))
const failed = verdicts.filter((isKilled) => !isKilled).length
console.log(`${verdicts.length - failed} passed, ${failed} failed`)
process.exitCode = failed > 0 ? 1 : 0
