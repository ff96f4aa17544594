import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { describeApplication } from '../../replica/application.ts'
import { loadApplication } from '../../replica/load.ts'
import { dialChannel } from '../../shared/channel-client.ts'
import { systemClock } from '../../shared/clock.ts'
import { PROTOCOL, type Status } from '../../shared/protocol.ts'
import { VERSION } from '../../shared/version.ts'
import { eventually } from './eventually.ts'

export interface Target {
  readonly importPath: string
  readonly name: string
  readonly routePrefix: string
  readonly rollback?: boolean
}

/** Deploys one more application to a running cluster, as a second launcher would, and waits until it is served. */
export async function deployAlso(session: string, target: Target): Promise<void> {
  const workingDir = process.cwd()
  const found = describeApplication(await loadApplication(target.importPath, workingDir))
  let status: Status | undefined
  const problems: string[] = []
  const channel = dialChannel({
    path: join(session, 'controller.sock'),
    instance: randomUUID(),
    hello: () => ({ protocol: PROTOCOL, version: VERSION, pid: process.pid, role: { kind: 'launcher' } }),
    receive: (message) => void (status = message as Status),
    connected: () => undefined,
    disconnected: () => undefined,
    refused: ({ message }) => void problems.push(message),
    problem: (text) => void problems.push(text),
    clock: systemClock,
    random: Math.random,
  })
  try {
    await channel.request(
      { type: 'deploy', application: { rollback: false, ...target, workingDir, ...found }, isReminder: false },
      { timeoutMs: 10_000 },
    )
    await eventually(
      () => {
        if (problems.length > 0) throw new Error(problems.join('\n'))
        const own = status?.applications.find(({ name }) => name === target.name)
        return own?.status === 'RUNNING' && own.routed
      },
      { withinMs: 20_000 },
    )
  } finally {
    channel.close()
  }
}
