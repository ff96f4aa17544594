import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { describeApplication } from '../../replica/application.ts'
import { loadApplication } from '../../replica/load.ts'
import { dialChannel } from '../../shared/channel-client.ts'
import { systemClock } from '../../shared/clock.ts'
import { PROTOCOL, type Status } from '../../shared/protocol.ts'
import type { ApplicationStatus } from '../../shared/statuses.ts'
import { VERSION } from '../../shared/version.ts'
import { eventually } from './eventually.ts'

export interface Target {
  readonly importPath: string
  readonly name: string
  readonly routePrefix: string
  readonly rollback?: boolean
}

export interface Watch {
  /** What the controller thinks of it now; undefined while no controller is there. */
  application(): ApplicationStatus | undefined
  close(): void
}

/** Deploys an application to a running cluster, as a second launcher would, and watches what becomes of it. */
export async function deploying(session: string, { rollback = false, ...target }: Target): Promise<Watch> {
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
    disconnected: () => {
      status = undefined
    },
    refused: ({ message }) => void problems.push(message),
    problem: (text) => void problems.push(text),
    clock: systemClock,
    random: Math.random,
  })
  const application = { ...target, workingDir, ...found, rollback }
  await channel.request({ type: 'deploy', application, isReminder: false }, { timeoutMs: 10_000 })
  return {
    application() {
      if (problems.length > 0) throw new Error(problems.join('\n'))
      return status?.applications.find(({ name }) => name === target.name)
    },
    close: () => channel.close(),
  }
}

/** Deploys one more application to a running cluster, and waits until it is served. */
export async function deployAlso(session: string, target: Target): Promise<void> {
  const watch = await deploying(session, target)
  try {
    const isServed = () => watch.application()?.status === 'RUNNING' && watch.application()?.routed
    await eventually(isServed, { withinMs: 20_000 })
  } finally {
    watch.close()
  }
}
