import { Agent, request } from 'node:http'
import { WebSocket } from 'ws'

/** What clients have seen that are not done with one answer. */
export interface Streams {
  /** Whole streams, or answered messages. */
  readonly done: () => number
  /** WebSockets that were closed with 1012, and opened again. */
  readonly restarts: () => number
  readonly failed: readonly string[]
  /** Resolves when everybody has finished what is ongoing. */
  stop(): Promise<void>
}

/** Clients that read one stream of Server-Sent Events after the other, each on a connection of its own that is kept. */
export function readEvents(url: string, count: number): Streams {
  const seen = { done: 0, isOver: false, failed: [] as string[] }
  const expected = Array.from({ length: 10 }, (_, n) => `data: ${n}\n\n`).join('')
  const live = async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    while (!seen.isOver) {
      const text = await read(url, agent)
      if (text === expected) seen.done += 1
      else seen.failed.push(text)
    }
    agent.destroy()
  }
  return streams(seen, Array.from({ length: count }, live))
}

function read(url: string, agent: Agent): Promise<string> {
  return new Promise((resolve) => {
    const outgoing = request(url, { agent }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
      response.on('error', () => {})
      response.once('close', () => resolve(response.complete ? text : `cut: ${response.statusCode} ${text}`))
    })
    outgoing.once('error', (error) => resolve(error.message))
    outgoing.end()
  })
}

/** Clients of a WebSocket that echoes: each sends a message, waits for it to come back, and sends the next one. */
export function talk(url: string, count: number): Streams {
  const seen = { done: 0, restarts: 0, isOver: false, failed: [] as string[] }
  const live = async () => {
    while (!seen.isOver) {
      const code = await converse(url.replace(/^http/, 'ws'), seen)
      if (code === 1012) seen.restarts += 1
      else if (code !== 1000) seen.failed.push(`closed with ${code}`)
    }
  }
  return streams(seen, Array.from({ length: count }, live))
}

function converse(url: string, seen: { done: number; readonly isOver: boolean; failed: string[] }): Promise<number> {
  return new Promise((resolve) => {
    const socket = new WebSocket(url)
    let sent = 0
    const next = () => (seen.isOver ? socket.close(1000) : socket.send(String((sent += 1))))
    socket.on('open', next)
    socket.on('message', (data: Buffer) => {
      if (data.toString() !== String(sent)) seen.failed.push(`${data.toString()} came back instead of ${sent}`)
      seen.done += 1
      setTimeout(next, 10)
    })
    socket.on('error', (error) => seen.failed.push(error.message))
    socket.on('close', resolve)
  })
}

function streams(
  seen: { done: number; restarts?: number; isOver: boolean; failed: string[] },
  clients: readonly Promise<void>[],
): Streams {
  return {
    done: () => seen.done,
    restarts: () => seen.restarts ?? 0,
    failed: seen.failed,
    async stop() {
      seen.isOver = true
      await Promise.all(clients)
    },
  }
}
