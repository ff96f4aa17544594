import type { DeploymentConfig, LoggingConfig } from './resolved.ts'

/** What holds where neither code nor configuration says anything. Apart from the schemas, which not every process loads. */
export const LOGGING_DEFAULTS: LoggingConfig = {
  encoding: 'TEXT',
  logLevel: 'INFO',
  logsDir: null,
  enableAccessLog: true,
}

export const OPTION_DEFAULTS: DeploymentConfig = {
  numReplicas: 1,
  maxOngoingRequests: 5,
  maxQueuedRequests: -1,
  backpressureConfig: { statusCode: 503, retryAfterS: null },
  userConfig: null,
  gracefulShutdownWaitLoopS: 2,
  gracefulShutdownTimeoutS: 20,
  healthCheckPeriodS: 10,
  healthCheckTimeoutS: 30,
  maxConstructorRetryCount: 20,
  startTimeoutS: 120,
  frozenTimeoutS: 10,
  rollingUpdatePercentage: 0.2,
  maxReplicasPerNode: null,
  rayActorOptions: { numCpus: 1, numGpus: 0, memory: 0, resources: {}, runtimeEnv: { envVars: {} } },
  loggingConfig: null,
}
