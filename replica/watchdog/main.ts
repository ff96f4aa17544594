/**
 * A thread of each replica that watches the main one. A replica that does nothing but JavaScript cannot say so itself,
 * and to everybody outside it looks like one that is busy in native code.
 */
import { closeSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { workerData } from 'node:worker_threads'
import { systemClock } from '../../shared/clock.ts'
import {
  BEATS,
  CLOSE_LOOK_MS,
  hear,
  isSuspect,
  LIMIT_MS,
  LOOK_MS,
  look,
  type Opinion,
  opinion,
  type Sight,
  silenceFrom,
  type WatchdogSettings,
} from '../silence.ts'
import { askMainThread, stackOfMainThread } from './main-thread.ts'

const ANSWER_WITHIN_MS = 100
const STACK_WITHIN_MS = 3000
/** In which Linux counts the time of a thread, on every machine. */
const TICK_MS = 10

const { shared, file } = workerData as WatchdogSettings
let silence = silenceFrom(see())
/** A question that has not been answered. */
let isAsking = false
/** What the file says. */
let told: Opinion = 'well'

function see(): Sight {
  return { now: systemClock.now(), beats: Atomics.load(shared, BEATS), cpuMs: cpuOfMainThread() }
}

/** Where the system does not say, it is taken to have run all the time. */
function cpuOfMainThread(): number {
  try {
    const stat = readFileSync(`/proc/self/task/${process.pid}/stat`, 'latin1')
    // Its name comes second, in parentheses, and may hold anything.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[11]) + Number(fields[12])) * TICK_MS
  } catch {
    return systemClock.now()
  }
}

async function ask(): Promise<void> {
  isAsking = true
  const asked = silence.atBeat
  const cancel = systemClock.after(ANSWER_WITHIN_MS, () => {
    silence = hear(silence, 'missing')
  })
  const since = systemClock.now()
  await askMainThread()
  cancel()
  isAsking = false
  // It may have given a sign meanwhile, or be late.
  if (systemClock.now() - since >= ANSWER_WITHIN_MS || silence.atBeat !== asked) return
  silence = hear(silence, 'in time')
  await tell()
}

/** Makes the file say what is to be thought of the main thread now. */
async function tell(): Promise<void> {
  const now = opinion(silence, Atomics.load(shared, LIMIT_MS))
  if (now === told) return
  told = now
  if (now === 'well') rmSync(file, { force: true })
  else write(now === 'looping' ? LOOPING : SILENT)
  if (now !== 'looping') return
  // Where it is takes longer to find out than that it must get no more requests.
  const stack = await stackOfMainThread(systemClock, STACK_WITHIN_MS)
  // It may have come back meanwhile.
  if (stack !== undefined && told === 'looping') write(`${LOOPING}\n${stack}`)
}

const LOOPING = 'its JavaScript does not let its event loop run'
const SILENT = 'its event loop has not run for three times healthCheckTimeoutS'

/** Whole or not at all; on a full disk an empty file must do, which takes no room. */
function write(text: string): void {
  try {
    writeFileSync(`${file}.part`, text, { mode: 0o600 })
    renameSync(`${file}.part`, file)
  } catch {
    closeSync(openSync(file, 'w', 0o600))
  }
}

function watch(): void {
  silence = look(silence, see())
  if (isAsking) silence = hear(silence, 'missing')
  else if (isSuspect(silence)) void ask()
  void tell()
  systemClock.after(isSuspect(silence) ? CLOSE_LOOK_MS : LOOK_MS, watch)
}

watch()
