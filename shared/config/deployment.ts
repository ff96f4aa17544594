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
  /**
   * Accepted and without effect: Ray Serve looks so often whether a leaving replica is idle; batoid's leaves when its
   * last request ends.
   * @default 2
   */
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
  /** How its replicas log. Replaces what the application says, as a whole. */
  loggingConfig?: LoggingOptions
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
  /** Environment variables of its replicas, over those of the application. */
  runtimeEnv?: { envVars?: Readonly<Record<string, string>> } | null
  /** Not supported yet. */
  labelSelector?: Record<string, string>
  /** Not supported yet. */
  fallbackStrategy?: Record<string, unknown>[]
}

/** How the processes log; Ray Serve's `LoggingConfig`. A change reaches those that run. */
export interface LoggingOptions {
  /**
   * How lines look in the log files: Ray Serve's text, or one JSON object each with Ray Serve's keys. The terminal always
   * shows text.
   * @default 'TEXT'
   */
  encoding?: 'TEXT' | 'JSON'
  /**
   * The least level that is logged: CRITICAL, FATAL, ERROR, WARN, WARNING, INFO, DEBUG, NOTSET in any case, or Python's
   * number of one. What user code prints is always logged.
   * @default 'INFO'
   */
  logLevel?: string | number
  /**
   * Where the log files lie, an absolute path.
   * @default null, for the session directory
   */
  logsDir?: string | null
  /**
   * Whether every request gets a line.
   * @default true
   */
  enableAccessLog?: boolean
  /** Attributes of Python's log records: none. */
  additionalLogStandardAttrs?: readonly string[]
}
