import { type DeploymentId, deploymentId } from '../shared/ids.ts'
import type { DeploymentConfig, LiveConfig } from '../shared/config/resolved.ts'
import type { ApplicationSpec, DeploymentSpec, Resources } from '../shared/protocol.ts'
import type { ReplicaSettings } from '../shared/settings.ts'
import { atCapacity, batchSize, maxStartFailures } from './policy.ts'
import type { Action, Desired, DesiredDeployment } from './state.ts'

/** Shortens a text to a name for it. */
export type Hash = (text: string) => string

/** What shall run so that these applications are served. */
export function desiredOf(
  applications: readonly ApplicationSpec[],
  hash: Hash,
  targetCapacity: number | null,
): Desired {
  return new Map(
    applications.flatMap((application) =>
      application.deployments.map((deployment): [DeploymentId, DesiredDeployment] => [
        deploymentId({ application: application.name, deployment: deployment.name }),
        desiredDeployment(application, deployment, { hash, targetCapacity }),
      ]),
    ),
  )
}

function desiredDeployment(
  application: ApplicationSpec,
  deployment: DeploymentSpec,
  { hash, targetCapacity }: { readonly hash: Hash; readonly targetCapacity: number | null },
): DesiredDeployment {
  const { options } = deployment
  const targetReplicas = atCapacity(options.numReplicas, targetCapacity)
  return {
    version: hash(JSON.stringify(startedWith(application, deployment))),
    config: hash(JSON.stringify(takenOver(application, deployment))),
    targetReplicas,
    surge: batchSize(options.rollingUpdatePercentage, targetReplicas),
    startTimeoutMs: options.startTimeoutS * 1000,
    frozenTimeoutMs: options.frozenTimeoutS * 1000,
    drainTimeoutMs: options.gracefulShutdownTimeoutS * 1000,
    maxStartFailures: maxStartFailures(options.maxConstructorRetryCount, options.numReplicas),
    resources: resourcesOf(options.rayActorOptions),
    maxReplicas: options.maxReplicasPerNode ?? Number.POSITIVE_INFINITY,
  }
}

function resourcesOf({ numCpus, numGpus, memory, resources }: DeploymentConfig['rayActorOptions']): Resources {
  const all = { CPU: numCpus, GPU: numGpus, memory, ...resources }
  return Object.fromEntries(Object.entries(all).filter(([, amount]) => amount > 0))
}

/** What a replica is started with. */
export function settingsOf(
  { deployment, replica, wanted, allotment }: Action & { do: 'spawn' },
  [application, spec]: Specification,
): ReplicaSettings {
  const { version, config, startTimeoutMs, drainTimeoutMs } = wanted
  const { importPath, workingDir, args } = application
  const envVars = { ...application.envVars, ...spec.options.rayActorOptions.runtimeEnv.envVars }
  const live = takenOver(application, spec)
  const own = { replica, deployment, allotment, importPath, workingDir, args, envVars }
  return { ...own, version, config, live, startTimeoutMs, drainTimeoutMs }
}

export type Specification = readonly [ApplicationSpec, DeploymentSpec]

export function specificationOf(id: DeploymentId, applications: readonly ApplicationSpec[]): Specification | undefined {
  for (const application of applications) {
    const spec = application.deployments.find(
      ({ name }) => deploymentId({ application: application.name, deployment: name }) === id,
    )
    if (spec !== undefined) return [application, spec]
  }
  return undefined
}

/** What a replica cannot change once it runs: a change of it needs a new process. */
export function startedWith(application: ApplicationSpec, { name, options }: DeploymentSpec) {
  return {
    deployment: deploymentId({ application: application.name, deployment: name }),
    importPath: application.importPath,
    codeVersion: application.codeVersion,
    workingDir: application.workingDir,
    args: application.args,
    envVars: application.envVars,
    rayActorOptions: options.rayActorOptions,
    maxReplicasPerNode: options.maxReplicasPerNode,
  }
}

/** What a replica takes over while it runs. */
export function takenOver(application: ApplicationSpec, { options }: DeploymentSpec): LiveConfig {
  return {
    maxOngoingRequests: options.maxOngoingRequests,
    userConfig: options.userConfig,
    healthCheckPeriodS: options.healthCheckPeriodS,
    healthCheckTimeoutS: options.healthCheckTimeoutS,
    loggingConfig: options.loggingConfig ?? application.loggingConfig,
  }
}
