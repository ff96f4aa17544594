import { fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { parseWrk } from './wrk.ts'

export interface LoadRequest {
  readonly url: string
  readonly connections: number
  readonly warmUpMs: number
  readonly measureMs: number
}

export interface Measured {
  readonly requests: number
  readonly seconds: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly bytes: number
  /** Errors, timeouts, and answers that are not 200. */
  readonly failed: number
}

export type LoadMessage =
  | { readonly type: 'began' }
  | { readonly type: 'ended' }
  | { readonly type: 'result'; readonly measured: Measured }

/** What sends the requests, in a process of its own. One run at a time. */
export interface Load {
  /** `began` and `ended` are called when what is measured begins and ends, after the warming up. */
  run(request: LoadRequest, on: { began(): void; ended(): void }): Promise<Measured>
  close(): void
}

/** For runs of which only the result counts. */
export const UNWATCHED = { began: () => undefined, ended: () => undefined }

const WARM_REQUESTS = 15_000

/** V8 optimises what it has seen often, not long: a slow machine needs longer until figures mean anything. */
export async function warmUp(load: Load, at: { url: string; connections: number }, ms: number): Promise<void> {
  let requests = 0
  for (let times = 0; times < 4 && requests < WARM_REQUESTS; times += 1) {
    requests += (await load.run({ ...at, warmUpMs: 0, measureMs: ms }, UNWATCHED)).requests
  }
}

/** `file` is the compiled servers/load.ts. */
export function autocannonLoad(file: string): Load {
  const child = fork(file, { detached: true, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  return {
    run: (request, on) =>
      new Promise((resolve, reject) => {
        const lost = (): void => reject(new Error('the load generator died'))
        const receive = (message: LoadMessage): void => {
          if (message.type === 'began') on.began()
          if (message.type === 'ended') on.ended()
          if (message.type !== 'result') return
          child.off('message', receive).off('exit', lost)
          resolve(message.measured)
        }
        child.on('message', receive).on('exit', lost)
        child.send(request)
      }),
    close: () => void child.kill('SIGKILL'),
  }
}

/** wrk, one thread. It counts whole seconds and knows no warming up, so it runs twice. */
export function wrkLoad(): Load {
  let current: ReturnType<typeof spawn> | undefined
  const wrk = async ({ url, connections }: LoadRequest, ms: number): Promise<string> => {
    const seconds = Math.max(1, Math.round(ms / 1000))
    const args = ['-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '10s', '--latency', url]
    const child = spawn('wrk', args, { detached: true, stdio: ['ignore', 'pipe', 'inherit'] })
    current = child
    let text = ''
    child.stdout.on('data', (data) => {
      text += data
    })
    await once(child, 'close')
    return text
  }
  return {
    async run(request, on) {
      if (request.warmUpMs > 0) await wrk(request, request.warmUpMs)
      on.began()
      const text = await wrk(request, request.measureMs)
      on.ended()
      return parseWrk(text)
    },
    close: () => void current?.kill('SIGKILL'),
  }
}
