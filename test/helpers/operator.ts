import { randomUUID } from 'node:crypto'
import { Checkpoint } from '../../controller/checkpoint.ts'
import { describeApplication } from '../../replica/application.ts'
import { loadApplication } from '../../replica/load.ts'
import { type Build, plainBuild } from '../../shared/build.ts'
import { type Channel, dialChannel } from '../../shared/channel-client.ts'
import { systemClock } from '../../shared/clock.ts'
import { applicationsOf, declarationFrom } from '../../shared/config/applications.ts'
import { parseConfig } from '../../shared/config/parse.ts'
import type { DeploymentConfig } from '../../shared/config/resolved.ts'
import type { DeclaredApplication } from '../../shared/declaration.ts'
import { report } from '../../shared/errors.ts'
import {
  type ApplicationSpec,
  type EndpointTable,
  PROTOCOL,
  type Role,
  type Status,
  type ToLauncher,
  type ToProxy,
} from '../../shared/protocol.ts'
import type { ApplicationStatus } from '../../shared/statuses.ts'
import { controllerCheckpoint, controllerSocket } from '../../shared/session.ts'
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
  /** Has the cluster run what the text of a configuration says; resolves when it does, with what is thought of it. */
  apply(text: string): Promise<readonly ApplicationStatus[]>
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
    const told = message as ToLauncher | undefined
    if (told?.type === 'leave') return
    current = told
    if (current !== undefined) statuses.push(current)
  })
  // What proxies are told says who gets requests, whatever a status thinks of them.
  const proxy = dial(
    session,
    { kind: 'proxy', node: { id: 'test', ip: '127.0.0.1' }, index: 1, logFile: '', tableVersion: -1 },
    (message) => {
      const told = message as ToProxy | undefined
      if (told?.type === 'endpoints') tables.push(told.table)
    },
  )
  const status = (name = 'default') => current?.applications.find((application) => application.name === name)
  return {
    statuses,
    tables,
    status,
    async deploy(target) {
      await launcher.request(
        { type: 'deploy', application: await describe(target, session), isReminder: false },
        { timeoutMs: 20_000 },
      )
    },
    async apply(text) {
      const config = parseConfig(text, 'serve.yaml')
      const applications = await Promise.all(applicationsOf(config, process.cwd()).map((one) => build(one, session)))
      const declaration = declarationFrom(config, randomUUID(), applications)
      await launcher.request({ type: 'apply', declaration, isReminder: false }, { timeoutMs: 20_000 })
      const isDone = ({ status: own }: ApplicationStatus) => own === 'RUNNING' || own === 'DEPLOY_FAILED'
      return await eventually(() => {
        const all = (current?.applications ?? []).filter(({ status: own }) => own !== 'DELETING')
        return all.length === applications.length && all.every(isDone) && all
      })
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

async function describe(target: Target, session: string): Promise<ApplicationSpec> {
  const { importPath, name = 'default', routePrefix = '/', rollback = false, options } = target
  const build = plainBuild({ importPath, name, routePrefix, workingDir: process.cwd() })
  const { overrides: _, ...declared } = build
  const { ingress, deployments } = describeApplication(await loadApplication(build))
  const changed = deployments.map((deployment) => ({ ...deployment, options: { ...deployment.options, ...options } }))
  return { ...declared, codeVersion: codeVersionOf(declared, session), rollback, ingress, deployments: changed }
}

/** Nobody edits the fixtures: the same import path is the same code. */
function codeVersionOf({ name, importPath }: Pick<Build, 'name' | 'importPath'>, session: string): string | undefined {
  const found = new Checkpoint({ path: controllerCheckpoint({ directory: session }), version: VERSION }).load()
  const applications = found.state === 'intact' ? (found.wanted?.applications ?? []) : []
  return applications.find(({ spec }) => spec.name === name && spec.importPath === importPath)?.spec.codeVersion
}

async function build({ overrides, ...declared }: Build, session: string): Promise<DeclaredApplication> {
  const { name } = declared
  try {
    const described = describeApplication(await loadApplication(declared), overrides)
    const spec = { ...declared, codeVersion: codeVersionOf(declared, session), ...described }
    return { name, build: { state: 'built', spec } }
  } catch (error) {
    return { name, build: { state: 'failed', error: report(error) } }
  }
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
