/** autocannon in a process of its own, which stays, so that it is as warm in the last round as in the second. */
import autocannon from 'autocannon'
import type { LoadMessage, LoadRequest } from '../load.ts'

/** A server that answers nothing for so long is measured all the same. */
const FIRST_ANSWER_MS = 5_000

const say = (message: LoadMessage): void => void process.send?.(message)
process.on('message', (request: LoadRequest) => run(request))
process.on('disconnect', () => process.exit())

/** autocannon itself counts whole milliseconds, and from the first connection on. */
function run({ url, connections, warmUpMs, measureMs }: LoadRequest): void {
  const latenciesMs: number[] = []
  let [isOn, failed, bytes] = [false, 0, 0]
  const seconds = Math.ceil((warmUpMs + measureMs + FIRST_ANSWER_MS) / 1000) + 60
  const cannon = autocannon({ url, connections, duration: seconds, sampleInt: 20, timeout: 10 }, () => {
    say({ type: 'result', measured: { ...timesOf(latenciesMs), bytes, failed, seconds: elapsedMs / 1000 } })
  })
  cannon.on('response', (_client, status, size, ms) => {
    if (!isOn) return
    if (status !== 200) failed += 1
    else latenciesMs.push(ms)
    bytes += size
  })
  cannon.on('reqError', () => {
    if (isOn) failed += 1
  })
  let elapsedMs = 0
  const begin = (): void => {
    isOn = true
    const start = performance.now()
    say({ type: 'began' })
    setTimeout(() => {
      isOn = false
      elapsedMs = performance.now() - start
      say({ type: 'ended' })
      cannon.stop()
    }, measureMs)
  }
  // What the run before left unanswered may still keep the replicas busy.
  const overdue = setTimeout(() => cannon.emit('response', undefined, 0, 0, 0), FIRST_ANSWER_MS)
  cannon.once('response', () => {
    clearTimeout(overdue)
    setTimeout(begin, warmUpMs)
  })
}

function timesOf(latenciesMs: readonly number[]): { requests: number; p50Ms: number; p99Ms: number } {
  const sorted = Float64Array.from(latenciesMs).toSorted()
  const at = (share: number): number => sorted[Math.floor(sorted.length * share)] ?? Number.NaN
  return { requests: sorted.length, p50Ms: at(0.5), p99Ms: at(0.99) }
}
