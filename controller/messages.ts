import * as z from 'zod'
import { catalogue, type ErrorCode, ServeError } from '../shared/errors.ts'
import type { LoggingConfig } from '../shared/config/resolved.ts'
import type { ApplicationConfig } from '../shared/config/schema.ts'
import type { Declaration } from '../shared/declaration.ts'
import { type DeploymentId, isDeploymentId, isReplicaId, type ReplicaId } from '../shared/ids.ts'
import type {
  ApplicationSpec,
  FromLauncher,
  FromProxy,
  FromReplica,
  Health,
  Hello,
  ReplicaReport,
  Role,
} from '../shared/protocol.ts'
import type { DesiredState } from './target.ts'

/**
 * What may arrive at the controller. Replicas run user code, which can reach the control socket, so nothing of what
 * they send is taken on trust: who says it was settled by the hello, and only messages of that role are let in.
 */
const replicaId = z.custom<ReplicaId>(isReplicaId)
const deploymentId = z.custom<DeploymentId>(isDeploymentId)
const errorCode = z.custom<ErrorCode>((value) => typeof value === 'string' && Object.hasOwn(catalogue, value))
const text = z.string().max(64 * 1024)

const errorReport = z.object({ code: errorCode, message: text, stack: text.optional() })
const health = z.object({ failures: z.int().nonnegative(), error: errorReport.optional() }) satisfies z.ZodType<Health>
const resources = z.record(z.string().max(100), z.number().nonnegative())

const replicaReport = z.discriminatedUnion('name', [
  z.object({ name: z.literal('starting') }),
  z.object({ name: z.literal('running'), address: z.string().min(1).max(200) }),
  z.object({
    name: z.literal('failed'),
    error: errorReport,
  }),
  z.object({ name: z.literal('draining') }),
]) satisfies z.ZodType<ReplicaReport>

const role = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('launcher') }),
  z.object({
    kind: z.literal('proxy'),
    node: z.object({ id: z.string().max(100), ip: z.string().max(100) }),
    index: z.int().nonnegative(),
    logFile: z.string().max(1000),
    tableVersion: z.number(),
  }),
  z.object({
    kind: z.literal('replica'),
    replica: replicaId,
    deployment: deploymentId,
    version: z.string().max(100),
    config: z.string().max(100),
    allotment: z.object({ resources, gpus: z.array(z.string().max(100)).max(1024) }),
    startTimeoutMs: z.number().nonnegative(),
    drainTimeoutMs: z.number().nonnegative(),
    phase: replicaReport,
    health,
  }),
]) satisfies z.ZodType<Role>

const hello = z.object({
  protocol: z.int(),
  version: z.string().max(100),
  pid: z.int().positive(),
  role,
}) satisfies z.ZodType<Hello>

const fromReplica = z.discriminatedUnion('type', [
  z.object({ type: z.literal('replica'), phase: replicaReport }),
  z.object({ type: z.literal('health'), health }),
]) satisfies z.ZodType<FromReplica>

const fromProxy = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('interrupted'),
    deployment: deploymentId,
    replica: replicaId,
    requestIds: z.array(z.string().max(1000)).max(100),
  }),
  z.object({ type: z.literal('draining') }),
]) satisfies z.ZodType<FromProxy>
const loggingConfig = z.object({
  encoding: z.enum(['TEXT', 'JSON']),
  logLevel: z.enum(['DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL']),
  logsDir: z.string().nullable(),
  enableAccessLog: z.boolean(),
}) satisfies z.ZodType<LoggingConfig>

const application = z.object({
  name: z.string().min(1),
  routePrefix: z.string().nullable(),
  importPath: z.string(),
  codeVersion: z.string().max(100).optional(),
  workingDir: z.string(),
  args: z.record(z.string(), z.unknown()),
  envVars: z.record(z.string(), z.string()),
  loggingConfig,
  ingress: z.string(),
  rollback: z.boolean().default(false),
  deployments: z.array(
    z.object({
      name: z.string().min(1),
      options: z.object({
        numReplicas: z.int().nonnegative(),
        maxOngoingRequests: z.int().positive(),
        maxQueuedRequests: z.int(),
        backpressureConfig: z.object({ statusCode: z.literal([503, 429]), retryAfterS: z.number().nullable() }),
        userConfig: z.unknown(),
        gracefulShutdownWaitLoopS: z.number().nonnegative(),
        gracefulShutdownTimeoutS: z.number().nonnegative(),
        maxConstructorRetryCount: z.int().positive(),
        startTimeoutS: z.number().positive(),
        healthCheckPeriodS: z.number().positive(),
        healthCheckTimeoutS: z.number().positive(),
        frozenTimeoutS: z.number().positive(),
        rollingUpdatePercentage: z.number().positive(),
        maxReplicasPerNode: z.int().positive().nullable(),
        rayActorOptions: z.object({
          numCpus: z.number().nonnegative(),
          numGpus: z.number().nonnegative(),
          memory: z.number().nonnegative(),
          resources,
          runtimeEnv: z.object({ envVars: z.record(z.string(), z.string()) }),
        }),
        loggingConfig: loggingConfig.nullable(),
      }),
    }),
  ),
}) satisfies z.ZodType<ApplicationSpec>

const targetCapacity = z.number().min(0).max(100).nullable()

/** What was checked when it was declared, and is only shown again. */
const declared = z.array(
  z.custom<ApplicationConfig>(
    (one) => typeof one === 'object' && one !== null && 'name' in one && 'deployments' in one,
  ),
)

const declaredApplications = z.array(
  z.object({
    name: z.string().min(1),
    build: z.discriminatedUnion('state', [
      z.object({ state: z.literal('built'), spec: application }),
      z.object({ state: z.literal('building') }),
      z.object({ state: z.literal('failed'), error: errorReport }),
    ]),
  }),
)

const declaration = z.object({
  id: z.string().min(1),
  declared,
  applications: declaredApplications,
  targetCapacity,
  loggingConfig,
}) satisfies z.ZodType<Declaration>

const fromLauncher = z.discriminatedUnion('type', [
  z.object({ type: z.literal('apply'), declaration, isReminder: z.boolean() }),
  z.object({ type: z.literal('built'), id: z.string(), applications: declaredApplications }),
  z.object({ type: z.literal('deploy'), application, isReminder: z.boolean().default(false) }),
  z.object({ type: z.literal('delete'), applications: z.array(z.string()) }),
  z.object({ type: z.literal('shutdown') }),
]) satisfies z.ZodType<FromLauncher>

const deployed = z.object({
  spec: application,
  source: z.literal(['imperative', 'declarative']),
  lastDeployedTimeS: z.number(),
  lastGood: application.optional(),
  rolledBack: z.string().optional(),
})

const state = z.object({
  applications: z.array(deployed),
  unbuilt: z.array(z.object({ name: z.string(), error: errorReport.optional(), refused: application.optional() })),
  declared: z.object({ id: z.string(), atS: z.number(), applications: declared }),
  targetCapacity,
  loggingConfig,
})

export function acceptState(raw: unknown): DesiredState {
  const { applications, ...others } = accept(state, raw, 'what shall run')
  const unknown = { lastGood: undefined, rolledBack: undefined }
  return { ...others, applications: applications.map((one) => ({ ...unknown, ...one })) }
}

export const acceptHello = (raw: unknown): Hello => accept(hello, raw, 'a hello')
export const acceptFromReplica = (raw: unknown): FromReplica => accept(fromReplica, raw, 'what a replica may say')
export const acceptFromProxy = (raw: unknown): FromProxy => accept(fromProxy, raw, 'what a proxy may say')
export const acceptFromLauncher = (raw: unknown): FromLauncher => accept(fromLauncher, raw, 'what a launcher may say')

function accept<T>(schema: z.ZodType<T>, raw: unknown, expected: string): T {
  const result = schema.safeParse(raw)
  if (result.success) return result.data
  const issue = result.error.issues[0]
  throw new ServeError('message_invalid', `the message is not ${expected}: ${issue?.path.join('.')}: ${issue?.message}`)
}

/** @throws ServeError if this replica is known to be another process */
export function checkPid({ role: own, pid }: Hello, pidOf: (replica: ReplicaId) => number | undefined): void {
  const known = own.kind === 'replica' ? pidOf(own.replica) : undefined
  if (own.kind !== 'replica' || known === undefined || known === pid) return
  throw new ServeError('message_invalid', `replica ${own.replica} is process ${known}, not ${pid}`)
}
