import { Agent, request } from 'node:http'

/** One request of a client, from `at` on. */
export interface Told {
  readonly at: number
  readonly tookMs: number
  /** 0: there was no answer. */
  readonly status: number
  readonly text: string
}

export interface Clients {
  readonly told: readonly Told[]
  readonly failed: () => readonly Told[]
  /** No more requests; resolves when the last one is answered. */
  stop(): Promise<void>
}

/** Between two requests of a client. */
const PAUSE_MS = 10

/** What each of them sends; a GET without a body if nothing else is said. */
interface Sending {
  readonly count?: number
  readonly keepAlive?: boolean
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

/**
 * Clients that each send a request, wait for the answer, pause for a moment, and go on: on one connection of their own that
 * is kept, or each time on a new one.
 */
export function startClients(url: string, { count = 20, keepAlive = true, ...sending }: Sending = {}): Clients {
  const told: Told[] = []
  const state = { isOver: false }
  const live = async () => {
    const agent = new Agent({ keepAlive, maxSockets: 1 })
    while (!state.isOver) {
      told.push(await send(url, agent, sending))
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
    }
    agent.destroy()
  }
  const all = Promise.all(Array.from({ length: count }, live))
  return {
    told,
    failed: () => told.filter(({ status }) => status !== 200),
    async stop() {
      state.isOver = true
      await all
    },
  }
}

function send(url: string, agent: Agent, { method = 'GET', headers = {}, body }: Sending): Promise<Told> {
  const at = performance.now()
  return new Promise((resolve) => {
    const end = (status: number, text: string) => resolve({ at, tookMs: performance.now() - at, status, text })
    const outgoing = request(url, { agent, method, headers }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => (text += chunk))
      response.once('end', () => end(response.statusCode ?? 0, text))
      response.once('error', (error) => end(0, error.message))
    })
    outgoing.once('error', (error) => end(0, error.message))
    outgoing.end(body)
  })
}
