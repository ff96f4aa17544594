import * as z from 'zod'
import { ServeError } from '../shared/errors.ts'
import { isName, NAME_RULE } from '../shared/ids.ts'
import type { DeploymentConfig } from '../shared/protocol.ts'

/**
 * What a deployment may ask for: Ray Serve's deployment options in camelCase, with Ray's defaults and checks.
 * An option that batoid does not have yet is refused when the application is built, never ignored.
 */
export interface DeploymentOptions {
  /**
   * Unique in its application. May not contain `#`.
   * @default the name of the function or class
   */
  name?: string
  /**
   * How many processes run this deployment, at least 1.
   * @default 1
   */
  numReplicas?: number | 'auto'
  /**
   * How many requests one replica handles at the same time; more wait in the proxy.
   * @default 5
   */
  maxOngoingRequests?: number
  /**
   * How many requests may wait for a replica; one more is answered as `backpressureConfig` says. -1: no limit.
   * @default -1
   */
  maxQueuedRequests?: number
  /**
   * How a request is turned away when the queue is full: the status, and the `retry-after` header in seconds if wanted.
   * @default { statusCode: 503, retryAfterS: null }
   */
  backpressureConfig?: { statusCode?: 503 | 429; retryAfterS?: number | null }
  /** Given to the `reconfigure` hook of each replica when it starts. Must be representable as JSON. */
  userConfig?: unknown
  /**
   * How long, in seconds, a replica that is told to leave may finish its requests before it is killed.
   * @default 20
   */
  gracefulShutdownTimeoutS?: number
  /**
   * The deployment fails once this many starts, or three for each replica if that is fewer, have failed before any succeeded.
   * @default 20
   */
  maxConstructorRetryCount?: number
  /**
   * How long, in seconds, a replica may take from its start until it is ready; a slower one is killed and counts as
   * failed. batoid's own: Ray Serve waits for ever.
   * @default 120
   */
  startTimeoutS?: number
  /** What each replica takes of the machine's logical resources; one that does not fit waits. */
  rayActorOptions?: RayActorOptions
  /** Not supported yet. */
  gracefulShutdownWaitLoopS?: number
  /**
   * How often, in seconds, the `checkHealth` hook of each replica is called, give or take a tenth, counted from the
   * start of the call before. Three failures in a row, and the replica is replaced.
   * @default 10
   */
  healthCheckPeriodS?: number
  /**
   * How long, in seconds, a call of `checkHealth` may take; a longer one counts as failed.
   * @default 30
   */
  healthCheckTimeoutS?: number
  /**
   * How long, in seconds, a replica may stay frozen: stopped by a signal, or busy with JavaScript that never lets its
   * event loop run. It gets no requests meanwhile, and is killed and replaced then. One that is busy in native code is
   * not frozen. batoid's own: Ray Serve notices it late or not at all.
   * @default 10
   */
  frozenTimeoutS?: number
  /**
   * The share of its replicas, above 0 and at most 1, that an update takes at a time; so many more than wanted run
   * meanwhile, since the new ones are started before the old ones leave.
   * @default 0.2
   */
  rollingUpdatePercentage?: number
  /** Not supported yet. */
  autoscalingConfig?: Record<string, unknown>
  /** Not supported yet. */
  placementGroupBundles?: Record<string, number>[]
  /** Not supported yet. */
  placementGroupStrategy?: 'PACK' | 'SPREAD' | 'STRICT_PACK' | 'STRICT_SPREAD'
  /** Not supported yet. */
  placementGroupBundleLabelSelector?: Record<string, string>[]
  /** Not supported yet. */
  placementGroupFallbackStrategy?: Record<string, unknown>[]
  /**
   * At most so many replicas run on one machine, 1 to 100; more wait.
   * @default no limit
   */
  maxReplicasPerNode?: number
  /** Not supported yet. */
  gangSchedulingConfig?: Record<string, unknown>
  /** Not supported yet. */
  deploymentActors?: Record<string, unknown>[]
  /** Not supported yet. */
  loggingConfig?: Record<string, unknown>
  /** Not supported yet. */
  requestRouterConfig?: Record<string, unknown>
}

export interface RayActorOptions {
  /**
   * Logical CPUs; fractions are fine.
   * @default 1
   */
  numCpus?: number
  /**
   * Logical GPUs: a whole number, or a fraction of one that is shared. The replica sees its own in CUDA_VISIBLE_DEVICES.
   * @default 0
   */
  numGpus?: number
  /**
   * Logical memory in bytes. It is accounted, not enforced.
   * @default 0
   */
  memory?: number
  /** Custom resources of the machine, by name. */
  resources?: Record<string, number>
  /** Not supported yet. */
  acceleratorType?: string
  /** Not supported yet. */
  runtimeEnv?: Record<string, unknown>
  /** Not supported yet. */
  labelSelector?: Record<string, string>
  /** Not supported yet. */
  fallbackStrategy?: Record<string, unknown>[]
}

const unsupported = [
  'gracefulShutdownWaitLoopS',
  'autoscalingConfig',
  'placementGroupBundles',
  'placementGroupStrategy',
  'placementGroupBundleLabelSelector',
  'placementGroupFallbackStrategy',
  'gangSchedulingConfig',
  'deploymentActors',
  'loggingConfig',
  'requestRouterConfig',
] as const satisfies readonly (keyof DeploymentOptions)[]

const unsupportedByActor = [
  'acceleratorType',
  'runtimeEnv',
  'labelSelector',
  'fallbackStrategy',
] as const satisfies readonly (keyof RayActorOptions)[]

const positiveInteger = z.int().positive()
const seconds = z.number().nonnegative()

const schema = z.strictObject({
  numReplicas: z
    .int('num_replicas must be an integer')
    .refine((n) => n > 0, 'num_replicas is expected to larger than 0')
    .default(1),
  maxOngoingRequests: positiveInteger.default(5),
  maxQueuedRequests: z
    .int()
    .refine((n) => n === -1 || n >= 1, 'max_queued_requests must be -1 (no limit) or a positive integer.')
    .default(-1),
  backpressureConfig: z
    .strictObject({
      statusCode: z.literal([503, 429]).default(503),
      retryAfterS: seconds.nullable().default(null),
    })
    .prefault({}),
  userConfig: z.json('must be representable as JSON').default(null),
  gracefulShutdownTimeoutS: seconds.default(20),
  maxConstructorRetryCount: positiveInteger.default(20),
  startTimeoutS: z.number().positive().default(120),
  healthCheckPeriodS: z.number().positive().default(10),
  healthCheckTimeoutS: z.number().positive().default(30),
  frozenTimeoutS: z.number().positive().default(10),
  maxReplicasPerNode: z.int().min(1).max(100).nullable().default(null),
  rollingUpdatePercentage: z.number().positive().max(1).default(0.2),
  rayActorOptions: z
    .strictObject({
      numCpus: z.number().nonnegative().default(1),
      numGpus: z
        .number()
        .nonnegative()
        .refine((n) => n < 1 || Number.isInteger(n), 'is a whole number, or a fraction below 1')
        .default(0),
      memory: z.number().nonnegative().default(0),
      resources: z.record(z.string().min(1), z.number().nonnegative()).default({}),
    })
    .prefault({}),
})

/**
 * Checks the options of the deployment `name` and fills in the defaults.
 * @throws ServeError `option_unsupported` or `bad_option`, naming the deployment, the option and what it takes
 */
export function resolveOptions(name: string, options: DeploymentOptions): DeploymentConfig {
  checkName(name)
  const { name: _, ...given } = options
  refuseUnsupported(name, given)
  const result = schema.safeParse(given)
  if (result.success) return result.data
  const problems = result.error.issues.map((issue) => `${[...issue.path].join('.') || 'options'}: ${issue.message}`)
  throw new ServeError('bad_option', `deployment '${name}' has a wrong option: ${problems.join('; ')}`)
}

function checkName(name: string): void {
  if (typeof name === 'string' && isName(name)) return
  throw new ServeError('bad_option', `deployment name ${JSON.stringify(name)} is not usable: ${NAME_RULE}`)
}

function refuseUnsupported(name: string, given: DeploymentOptions): void {
  const actor = given.rayActorOptions ?? {}
  const used = [
    ...unsupported.filter((option) => given[option] !== undefined),
    ...unsupportedByActor.filter((option) => actor[option] !== undefined).map((option) => `rayActorOptions.${option}`),
    ...(given.numReplicas === 'auto' ? ["numReplicas: 'auto'"] : []),
  ]
  if (used.length === 0) return
  throw new ServeError(
    'option_unsupported',
    `deployment '${name}' uses ${used.join(', ')}, which batoid does not have yet: leave it out`,
  )
}
