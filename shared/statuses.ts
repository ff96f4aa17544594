export interface ApplicationStatus {
  readonly name: string
  readonly status: ApplicationState
  readonly message: string
  readonly deployments: readonly DeploymentStatus[]
  /** Every proxy knows the running replicas: a request sent now is answered. */
  readonly routed: boolean
}

/** In Ray's words, as are all states and triggers. */
export type ApplicationState = 'DEPLOYING' | 'RUNNING' | 'DEPLOY_FAILED' | 'UNHEALTHY' | 'DELETING'

export type DeploymentState = 'UPDATING' | 'HEALTHY' | 'UNHEALTHY' | 'DEPLOY_FAILED' | 'UPSCALING' | 'DOWNSCALING'

export interface DeploymentStatus {
  readonly name: string
  readonly status: DeploymentState
  readonly trigger: StatusTrigger
  readonly message: string
  readonly replicaStates: Readonly<Partial<Record<ReplicaState, number>>>
}

export type StatusTrigger =
  | 'UNSPECIFIED'
  | 'CONFIG_UPDATE_STARTED'
  | 'CONFIG_UPDATE_COMPLETED'
  | 'UPSCALE_COMPLETED'
  | 'DOWNSCALE_COMPLETED'
  | 'REPLICA_STARTUP_FAILED'
  | 'HEALTH_CHECK_FAILED'
  | 'DELETING'

/** RECOVERING: of a controller before this one, and not heard of yet. */
export type ReplicaState = 'STARTING' | 'UPDATING' | 'RECOVERING' | 'RUNNING' | 'STOPPING'

/** UNHEALTHY: it has not taken the newest endpoint table in time. */
export type ProxyState = 'STARTING' | 'HEALTHY' | 'UNHEALTHY' | 'DRAINING'
