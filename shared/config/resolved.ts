/** Deployment options with every default filled in. */
export interface DeploymentConfig {
  readonly numReplicas: number
  readonly maxOngoingRequests: number
  readonly maxQueuedRequests: number
  readonly backpressureConfig: { readonly statusCode: 503 | 429; readonly retryAfterS: number | null }
  readonly userConfig: unknown
  readonly gracefulShutdownWaitLoopS: number
  readonly gracefulShutdownTimeoutS: number
  readonly maxConstructorRetryCount: number
  readonly startTimeoutS: number
  readonly healthCheckPeriodS: number
  readonly healthCheckTimeoutS: number
  readonly frozenTimeoutS: number
  readonly rollingUpdatePercentage: number
  readonly maxReplicasPerNode: number | null
  readonly rayActorOptions: {
    readonly numCpus: number
    readonly numGpus: number
    /** In bytes. */
    readonly memory: number
    readonly resources: Readonly<Record<string, number>>
    readonly runtimeEnv: { readonly envVars: Readonly<Record<string, string>> }
  }
  /** null: as the application says. */
  readonly loggingConfig: LoggingConfig | null
}

/** How a process logs. */
export interface LoggingConfig {
  /** Of its files; the terminal shows text. */
  readonly encoding: 'TEXT' | 'JSON'
  /** The least that is logged. */
  readonly logLevel: 'DEBUG' | 'INFO' | 'WARNING' | 'ERROR' | 'CRITICAL'
  /** null: where the session has its logs. */
  readonly logsDir: string | null
  readonly enableAccessLog: boolean
}

/** What a replica takes over while it runs. */
export interface LiveConfig {
  readonly maxOngoingRequests: number
  readonly userConfig: unknown
  readonly healthCheckPeriodS: number
  readonly healthCheckTimeoutS: number
  readonly loggingConfig: LoggingConfig
}
