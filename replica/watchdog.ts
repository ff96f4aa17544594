import { Worker } from 'node:worker_threads'
import type { Clock } from '../shared/clock.ts'
import { UNHEALTHY_AFTER } from '../shared/health.ts'
import { BEATS, LIMIT_MS, LOOK_MS, type WatchdogSettings } from './silence.ts'

const THREAD = new URL('./watchdog/main.js', import.meta.url)
const LONGEST_MS = 2 ** 31 - 1

export interface Watchdog {
  update(healthCheckTimeoutS: number): void
}

export interface WatchdogOptions {
  readonly file: string
  readonly healthCheckTimeoutS: number
  readonly clock: Clock
  readonly problem: (text: string) => void
}

/**
 * Watches the calling thread from another one until the process ends. That one has nothing of this one's: neither what
 * is preloaded into it nor its environment, and a small heap, so that it costs little and cannot be disturbed.
 */
export function startWatchdog({ file, healthCheckTimeoutS, clock, problem }: WatchdogOptions): Watchdog {
  const shared = new Int32Array(new SharedArrayBuffer(8))
  const update = (timeoutS: number): void => {
    // So long no health check could have been called in time, and so many of them are enough.
    Atomics.store(shared, LIMIT_MS, Math.min(LONGEST_MS, UNHEALTHY_AFTER * timeoutS * 1000))
  }
  update(healthCheckTimeoutS)
  const beat = (): void => {
    Atomics.add(shared, BEATS, 1)
    clock.after(LOOK_MS, beat)
  }
  beat()
  const workerData: WatchdogSettings = { shared, file }
  const resourceLimits = { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 1, stackSizeMb: 1 }
  const worker = new Worker(THREAD, { workerData, resourceLimits, env: {}, execArgv: [], name: 'watchdog' })
  worker.on('error', (error) => problem(`nobody watches this replica's event loop any more: ${error.message}`))
  worker.unref()
  return { update }
}
