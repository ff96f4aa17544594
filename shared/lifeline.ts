import { connect, createServer, type Socket } from 'node:net'
import { createInterface } from 'node:readline'

/**
 * The launcher listens on a socket to which every process of the cluster stays connected. When the launcher dies,
 * however it dies, the kernel closes these connections, and everybody leaves: nothing is orphaned, nothing polls.
 * The other way round the launcher knows who is alive: a connected pid is a living pid, never a reused one.
 */
export interface Lifeline {
  /** Ends the processes that live, at once. */
  killAll(): void
  /** Lets go of everybody. */
  close(): Promise<void>
}

export async function holdLifeline(path: string): Promise<Lifeline> {
  const living = new Map<Socket, number | undefined>()
  const server = createServer((socket) => {
    living.set(socket, undefined)
    socket.on('error', () => socket.destroy())
    socket.on('close', () => living.delete(socket))
    createInterface(socket).once('line', (line) => living.set(socket, pidIn(line)))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, resolve)
  })
  return {
    killAll() {
      for (const pid of living.values()) if (pid !== undefined) kill(pid)
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of living.keys()) socket.destroy()
      }),
  }
}

/** User code can reach this socket: what it writes must never make us kill a group, ourselves or all we may. */
function pidIn(line: string): number | undefined {
  const pid = /^[1-9]\d{0,9}$/.test(line) ? Number(line) : undefined
  return pid === 1 || pid === process.pid ? undefined : pid
}

/** It may have gone since it was last seen. */
function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}

/** Ties this process to the launcher: `lost` is called once when the launcher has gone, or is not there. */
export function tieTo(path: string, pid: number, lost: () => void): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(path)
    socket.on('connect', () => {
      socket.write(`${pid}\n`)
      resolve()
    })
    socket.on('error', () => socket.destroy())
    socket.on('close', () => {
      lost()
      resolve()
    })
    socket.resume()
    socket.unref()
  })
}
