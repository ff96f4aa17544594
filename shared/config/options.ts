import * as z from 'zod'
import type { DeploymentConfig } from './resolved.ts'
import { autoscalingConfig } from './autoscaling.ts'
import { OPTION_DEFAULTS } from './defaults.ts'
import { environment } from './environment.ts'
import { loggingConfig, resolveLogging } from './logging.ts'

const NOT_YET = 'Not supported yet: refused.'
const seconds = z.number().nonnegative()
const positiveSeconds = z.number().positive()
const anything = z.record(z.string(), z.json()).nullable()
const list = z.array(z.record(z.string(), z.json())).nullable()

/** Rejects 0 and fractions in Ray's words, and everything else in others of Ray's. */
const numReplicas = z.union([z.int().positive(), z.literal('auto')], {
  error: ({ input }) => {
    if (typeof input !== 'number') return `\`num_replicas\` must be an int or "auto", but got: ${JSON.stringify(input)}`
    return input > 0 ? 'Input should be a valid integer' : 'Input should be greater than 0'
  },
})

const backpressureConfig = z
  .strictObject({
    status_code: z.literal([503, 429]).describe('The status of the answer.'),
    retry_after_s: seconds.nullable().describe('The `retry-after` header; null: none.'),
  })
  .partial()

const rayActorOptions = z
  .strictObject({
    num_cpus: z.number().nonnegative().describe('Logical CPUs; fractions are fine.'),
    num_gpus: z
      .number()
      .nonnegative()
      .refine((n) => n < 1 || Number.isInteger(n), 'is a whole number, or a fraction below 1')
      .describe('Logical GPUs: a whole number, or a fraction of one that is shared.'),
    memory: z.number().nonnegative().describe('Logical memory in bytes, accounted and not enforced.'),
    resources: z.record(z.string().min(1), z.number().nonnegative()).describe('Custom resources, by name.'),
    accelerator_type: z.string().nullable().describe(NOT_YET),
    runtime_env: z
      .strictObject({
        env_vars: environment.describe("Environment variables of its replicas, over the application's."),
      })
      .partial()
      .nullable()
      .describe('What its replicas run with.'),
    label_selector: anything.describe(NOT_YET),
    fallback_strategy: list.describe(NOT_YET),
  })
  .partial()

/** What options say of each other. */
export function agree(
  options: { num_replicas?: number | 'auto' | undefined; autoscaling_config?: object | null | undefined },
  context: z.RefinementCtx,
): void {
  const { num_replicas: replicas, autoscaling_config: autoscaling } = options
  if (typeof replicas !== 'number' || autoscaling === undefined || autoscaling === null) return
  const message = 'Manually setting num_replicas is not allowed when autoscaling_config is provided.'
  context.addIssue({ code: 'custom', path: ['num_replicas'], message })
}

/** Ray Serve's options of a deployment by Ray's names, and batoid's own; what is not said stays unsaid. */
export const deploymentOptions = z
  .strictObject({
    num_replicas: numReplicas.describe('How many processes run this deployment.'),
    max_ongoing_requests: z
      .int({
        error: ({ input }) => (input === null ? '`max_ongoing_requests` must be non-null, got None.' : undefined),
      })
      .positive()
      .describe('How many requests one replica handles at the same time; more wait in the proxy.'),
    max_queued_requests: z
      .int()
      .refine((n) => n === -1 || n >= 1, 'max_queued_requests must be -1 (no limit) or a positive integer.')
      .describe('How many requests may wait for a replica; -1: no limit.'),
    backpressure_config: backpressureConfig.describe('How a request is turned away when the queue is full.'),
    user_config: z.json('user_config is not JSON-serializable').describe('Given to the `reconfigure` hook.'),
    graceful_shutdown_wait_loop_s: seconds.describe(
      'How often Ray looks whether a leaving replica is idle. Accepted and without effect: a replica of batoid leaves when its last request ends.',
    ),
    graceful_shutdown_timeout_s: seconds.describe('How long a leaving replica may finish its requests.'),
    health_check_period_s: positiveSeconds.describe('How often the `checkHealth` hook is called.'),
    health_check_timeout_s: positiveSeconds.describe('How long a call of it may take.'),
    max_constructor_retry_count: z.int().positive().describe('After so many failed starts the deployment has failed.'),
    start_timeout_s: positiveSeconds.describe("How long a replica may take to start. batoid's own."),
    frozen_timeout_s: positiveSeconds.describe("How long a frozen replica is waited for. batoid's own."),
    rolling_update_percentage: z
      .number()
      .positive()
      .max(1)
      .describe('The share of its replicas that an update takes at a time.'),
    max_replicas_per_node: z
      .int()
      .min(1)
      .max(100)
      .nullable()
      .describe('At most so many replicas on one machine; while one is replaced, its successor may be there besides.'),
    ray_actor_options: rayActorOptions.describe('What each replica takes of the machine.'),
    logging_config: loggingConfig.nullable().describe("Replaces the application's, as a whole."),
    autoscaling_config: autoscalingConfig.nullable().describe(NOT_YET),
    placement_group_bundles: list.describe(NOT_YET),
    placement_group_strategy: z.enum(['PACK', 'SPREAD', 'STRICT_PACK', 'STRICT_SPREAD']).nullable().describe(NOT_YET),
    placement_group_bundle_label_selector: list.describe(NOT_YET),
    placement_group_fallback_strategy: list.describe(NOT_YET),
    gang_scheduling_config: anything.describe(NOT_YET),
    deployment_actors: list.describe(NOT_YET),
    request_router_config: anything.describe(NOT_YET),
  })
  .partial()
  .superRefine(agree)

export type OptionsInput = z.infer<typeof deploymentOptions>

const unsupported = [
  'autoscaling_config',
  'placement_group_bundles',
  'placement_group_strategy',
  'placement_group_bundle_label_selector',
  'placement_group_fallback_strategy',
  'gang_scheduling_config',
  'deployment_actors',
  'request_router_config',
] as const satisfies readonly (keyof OptionsInput)[]

const unsupportedByActor = ['accelerator_type', 'label_selector', 'fallback_strategy'] as const

/** What is asked for that batoid does not have yet, by its path. To ask for nothing with `null` is fine. */
export function unsupportedIn(options: OptionsInput): string[][] {
  const actor = options.ray_actor_options ?? {}
  return [
    ...unsupported.filter((option) => (options[option] ?? null) !== null).map((option) => [option]),
    ...unsupportedByActor
      .filter((option) => (actor[option] ?? null) !== null)
      .map((option) => ['ray_actor_options', option]),
    ...(options.num_replicas === 'auto' ? [['num_replicas']] : []),
  ]
}

/** With every default filled in. */
export function completeOptions(said: OptionsInput): DeploymentConfig {
  const otherwise = OPTION_DEFAULTS
  const { backpressure_config: backpressure = {}, ray_actor_options: actor = {} } = said
  return {
    numReplicas: typeof said.num_replicas === 'number' ? said.num_replicas : otherwise.numReplicas,
    maxOngoingRequests: said.max_ongoing_requests ?? otherwise.maxOngoingRequests,
    maxQueuedRequests: said.max_queued_requests ?? otherwise.maxQueuedRequests,
    backpressureConfig: {
      statusCode: backpressure.status_code ?? otherwise.backpressureConfig.statusCode,
      retryAfterS: backpressure.retry_after_s ?? otherwise.backpressureConfig.retryAfterS,
    },
    userConfig: said.user_config ?? otherwise.userConfig,
    gracefulShutdownWaitLoopS: said.graceful_shutdown_wait_loop_s ?? otherwise.gracefulShutdownWaitLoopS,
    gracefulShutdownTimeoutS: said.graceful_shutdown_timeout_s ?? otherwise.gracefulShutdownTimeoutS,
    healthCheckPeriodS: said.health_check_period_s ?? otherwise.healthCheckPeriodS,
    healthCheckTimeoutS: said.health_check_timeout_s ?? otherwise.healthCheckTimeoutS,
    maxConstructorRetryCount: said.max_constructor_retry_count ?? otherwise.maxConstructorRetryCount,
    startTimeoutS: said.start_timeout_s ?? otherwise.startTimeoutS,
    frozenTimeoutS: said.frozen_timeout_s ?? otherwise.frozenTimeoutS,
    rollingUpdatePercentage: said.rolling_update_percentage ?? otherwise.rollingUpdatePercentage,
    maxReplicasPerNode: said.max_replicas_per_node ?? otherwise.maxReplicasPerNode,
    rayActorOptions: {
      numCpus: actor.num_cpus ?? otherwise.rayActorOptions.numCpus,
      numGpus: actor.num_gpus ?? otherwise.rayActorOptions.numGpus,
      memory: actor.memory ?? otherwise.rayActorOptions.memory,
      resources: actor.resources ?? otherwise.rayActorOptions.resources,
      runtimeEnv: { envVars: actor.runtime_env?.env_vars ?? otherwise.rayActorOptions.runtimeEnv.envVars },
    },
    loggingConfig: said.logging_config ? resolveLogging(said.logging_config) : otherwise.loggingConfig,
  }
}
