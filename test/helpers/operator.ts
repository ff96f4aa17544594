import { randomUUID } from 'node:crypto'
import { describeApplication } from '../../replica/application.ts'
import { loadApplication } from '../../replica/load.ts'
import { type Channel, dialChannel } from '../../shared/channel-client.ts'
import { systemClock } from '../../shared/clock.ts'
import {
  type ApplicationSpec,
  type DeploymentConfig,
  type EndpointTable,
  PROTOCOL,
  type Role,
  type Status,
  type ToProxy,
} from '../../shared/protocol.ts'
import type { ApplicationStatus } from '../../shared/statuses.ts'
import { controllerSocket } from '../../shared/session.ts'
import { VERSION } from '../../shared/version.ts'
import { eventually } from './eventually.ts'

export interface Target {
  readonly importPath: string
  readonly name?: string
  readonly routePrefix?: string
  readonly rollback?: boolean
  /** Of its only deployment. */
  readonly options?: Partial<DeploymentConfig>
}

/** Whoever deploys to a running cluster, as a second launcher would, and watches what becomes of it. */
export interface Operator {
  /** Resolves when the controller has written it down. */
  deploy(target: Target): Promise<void>
  /** Resolves when the controller has written it down. */
  remove(name: string): Promise<void>
  /** Resolves when what was deployed last runs and is routed, and nothing else runs. */
  settled(name?: string): Promise<void>
  /** Undefined while no controller is there. */
  status(name?: string): ApplicationStatus | undefined
  /** Every status and table since this operator came, or since the last `forget`. */
  readonly statuses: Status[]
  readonly tables: EndpointTable[]
  forget(): void
  close(): void
}

export function operate(session: string): Operator {
  const statuses: Status[] = []
  const tables: EndpointTable[] = []
  let current: Status | undefined
  const launcher = dial(session, { kind: 'launcher' }, (message) => {
    current = message as Status | undefined
    if (current !== undefined) statuses.push(current)
  })
  // What proxies are told says who gets requests, whatever a status thinks of them.
  const proxy = dial(
    session,
    { kind: 'proxy', node: { id: 'test', ip: '127.0.0.1' }, index: 1, logFile: '', tableVersion: -1 },
    (message) => {
      if (message !== undefined) tables.push((message as ToProxy).table)
    },
  )
  const status = (name = 'default') => current?.applications.find((application) => application.name === name)
  return {
    statuses,
    tables,
    status,
    async deploy(target) {
      await launcher.request(
        { type: 'deploy', application: await describe(target), isReminder: false },
        { timeoutMs: 20_000 },
      )
    },
    async remove(application) {
      await launcher.request({ type: 'delete', applications: [application] }, { timeoutMs: 20_000 })
    },
    async settled(name) {
      await eventually(() => isSettled(status(name)), { withinMs: 30_000 })
    },
    forget() {
      current = undefined
      statuses.length = 0
      tables.length = 0
    },
    close() {
      launcher.close()
      proxy.close()
    },
  }
}

/** Deploys one more application to a running cluster, and waits until it is served. */
export async function deployAlso(session: string, target: Target): Promise<void> {
  const operator = operate(session)
  try {
    await operator.deploy(target)
    await operator.settled(target.name)
  } finally {
    operator.close()
  }
}

async function describe(target: Target): Promise<ApplicationSpec> {
  const { importPath, name = 'default', routePrefix = '/', rollback = false, options } = target
  const workingDir = process.cwd()
  const { ingress, deployments } = describeApplication(await loadApplication(importPath, workingDir))
  const changed = deployments.map((deployment) => ({ ...deployment, options: { ...deployment.options, ...options } }))
  return { name, routePrefix, importPath, workingDir, rollback, ingress, deployments: changed }
}

/** `hear` gets every message, and undefined when the controller has gone. */
function dial(session: string, role: Role, hear: (message: unknown) => void): Channel {
  return dialChannel({
    path: controllerSocket({ directory: session }),
    instance: randomUUID(),
    hello: () => ({ protocol: PROTOCOL, version: VERSION, pid: process.pid, role }),
    receive: hear,
    connected: () => undefined,
    disconnected: () => hear(undefined),
    refused: ({ message }) => console.log(message),
    problem: (text) => console.log(text),
    clock: systemClock,
    random: Math.random,
  })
}

function isSettled(application: ApplicationStatus | undefined): boolean {
  if (application?.status !== 'RUNNING' || !application.routed) return false
  return application.deployments.every(({ replicaStates }) => Object.keys(replicaStates).join() === 'RUNNING')
}
