import { type DeploymentId, deploymentId, deploymentName } from '../shared/ids.ts'
import type { ApplicationSpec } from '../shared/protocol.ts'
import type { ApplicationStatus, DeploymentStatus, ReplicaState, StatusTrigger } from '../shared/statuses.ts'
import type { Deployed } from './applications.ts'
import { showLastLines } from './failures.ts'
import { failuresOf, hasFailed, isGivenUp, isUnhealthy, stepTo } from './policy.ts'
import { showSlow } from './slow.ts'
import type {
  DeadReplica,
  Desired,
  DesiredDeployment,
  Observed,
  ObservedDeployment,
  ObservedReplica,
  Step,
} from './state.ts'
import { unseen } from './state.ts'

export interface OwnStatus extends Omit<ApplicationStatus, 'routed' | 'deployments'> {
  readonly deployments: readonly OwnDeployment[]
}

export interface OwnDeployment extends DeploymentStatus {
  /** Those that died unbidden, the latest last. */
  readonly recentDeadReplicas: readonly DeadReplica[]
}

/** What the launcher is told: less, since a message may not be long. */
export function brief({ deployments, ...own }: OwnStatus, routed: boolean): ApplicationStatus {
  return { ...own, routed, deployments: deployments.map(briefDeployment) }
}

function briefDeployment(own: OwnDeployment): DeploymentStatus {
  return {
    name: own.name,
    status: own.status,
    trigger: own.trigger,
    message: own.message,
    replicaStates: own.replicaStates,
  }
}

/**
 * Of all applications, also of those that are being deleted. `recovering`: the deployments of replicas of a controller
 * before, one for each that has not been heard of yet.
 */
export function statuses(
  applications: readonly Deployed[],
  desired: Desired,
  observed: Observed,
  recovering: readonly DeploymentId[] = [],
): OwnStatus[] {
  const wanted = applications.map(({ spec, rolledBack }) =>
    withHistory(applicationStatus(spec, desired, observed), rolledBack),
  )
  return [...wanted, ...deleting(applications, observed)].map((own) => withRecovering(own, recovering))
}

function withHistory(own: OwnStatus, rolledBack: string | undefined): OwnStatus {
  if (rolledBack === undefined) return own
  const history = `The last good version was restored, since the new one failed: ${rolledBack}`
  return { ...own, message: own.message === '' ? history : `${own.message}\n${history}` }
}

function withRecovering(own: OwnStatus, recovering: readonly DeploymentId[]): OwnStatus {
  if (recovering.length === 0) return own
  const deployments = own.deployments.map((deployment) => {
    const id = deploymentId({ application: own.name, deployment: deployment.name })
    const count = recovering.filter((other) => other === id).length
    const states = { ...deployment.replicaStates, RECOVERING: count }
    return count === 0 ? deployment : { ...deployment, replicaStates: states }
  })
  return { ...own, deployments }
}

function deleting(applications: readonly Deployed[], observed: Observed): OwnStatus[] {
  const gone = [...observed].filter(([id, { replicas }]) => replicas.size > 0 && !applications.some(isOf(id)))
  const names = new Set(gone.map(([id]) => deploymentName(id).application))
  return [...names].map((name) => {
    const own = gone.filter(([id]) => deploymentName(id).application === name)
    const deployments = own.map(([id, seen]) => deploymentStatus(id, undefined, seen))
    return { name, status: 'DELETING', message: '', deployments }
  })
}

const isOf =
  (id: DeploymentId) =>
  ({ spec }: Deployed): boolean =>
    spec.name === deploymentName(id).application

/** What is to be thought of an application: computed from what is wanted and what is there, never stored. */
export function applicationStatus(application: ApplicationSpec, desired: Desired, observed: Observed): OwnStatus {
  const { name } = application
  const deployments = application.deployments.map((deployment) => {
    const id = deploymentId({ application: name, deployment: deployment.name })
    return deploymentStatus(id, desired.get(id), observed.get(id) ?? unseen)
  })
  return { name, ...summary(deployments), deployments }
}

function summary(deployments: readonly DeploymentStatus[]): Pick<ApplicationStatus, 'status' | 'message'> {
  const failed = deployments.filter(({ status }) => status === 'DEPLOY_FAILED')
  if (failed.length > 0) {
    const reasons = failed.map(({ message }) => message).join('\n')
    return { status: 'DEPLOY_FAILED', message: `Failed to update the deployments ${list(failed)}. ${reasons}` }
  }
  const sick = deployments.filter(({ status }) => status === 'UNHEALTHY')
  if (sick.length > 0) return { status: 'UNHEALTHY', message: `The deployments ${list(sick)} are UNHEALTHY.` }
  return { status: deployments.every(({ status }) => status === 'HEALTHY') ? 'RUNNING' : 'DEPLOYING', message: '' }
}

function deploymentStatus(
  id: DeploymentId,
  wanted: DesiredDeployment | undefined,
  seen: ObservedDeployment,
): OwnDeployment {
  const { deployment: name } = deploymentName(id)
  return { name, ...opinion(id, wanted, seen), replicaStates: replicaStates(seen), recentDeadReplicas: seen.dead }
}

type Opinion = Pick<DeploymentStatus, 'status' | 'trigger' | 'message'>

function opinion(id: DeploymentId, wanted: DesiredDeployment | undefined, seen: ObservedDeployment): Opinion {
  if (wanted === undefined) return { status: 'UPDATING', trigger: 'DELETING', message: '' }
  const step = stepTo(wanted, seen)
  if (step === undefined) return { status: 'HEALTHY', trigger: TRIGGERS[seen.reached?.by ?? 'update'], message: '' }
  if (isGivenUp(wanted, seen)) {
    const { starts, lastError } = failuresOf(wanted, seen)
    const message =
      `The deployment failed to start ${starts} times in a row. This may be due to a problem with its constructor or ` +
      `initial health check failing. See controller logs for details. Error:\n${lastError?.message ?? 'unknown'}`
    const status = step === 'update' ? 'DEPLOY_FAILED' : 'UNHEALTHY'
    return { status, trigger: 'REPLICA_STARTUP_FAILED', message }
  }
  if (hasFailed(wanted, seen)) return { ...unhealthy(seen), status: 'DEPLOY_FAILED' }
  const slow = seen.slow === undefined ? '' : showSlow(id, seen.slow).join('\n')
  return underWay(step, wanted, seen, slow)
}

/** What has been completed by a step. */
const TRIGGERS: Readonly<Record<Step, StatusTrigger>> = {
  update: 'CONFIG_UPDATE_COMPLETED',
  upscale: 'UPSCALE_COMPLETED',
  downscale: 'DOWNSCALE_COMPLETED',
  repair: 'UNSPECIFIED',
}

/** What takes long is said where nothing worse has to be. */
function underWay(step: Step, wanted: DesiredDeployment, seen: ObservedDeployment, slow: string): Opinion {
  const trigger = 'CONFIG_UPDATE_STARTED'
  const scale = `from ${seen.reached?.targetReplicas} to ${wanted.targetReplicas} replicas.`
  switch (step) {
    case 'update':
      if (failuresOf(wanted, seen).lost > 0) return unhealthy(seen)
      return { status: 'UPDATING', trigger, message: retrying(wanted, seen) || slow }
    case 'upscale':
      return { status: 'UPSCALING', trigger, message: slow || `Upscaling ${scale}` }
    case 'downscale':
      return { status: 'DOWNSCALING', trigger, message: slow || `Downscaling ${scale}` }
    case 'repair':
      return unhealthy(seen)
  }
}

function unhealthy(seen: ObservedDeployment): Opinion {
  const message =
    "A replica's health check failed. This deployment will be UNHEALTHY until the replica recovers or a new deploy " +
    `happens.${trouble(seen)}`
  return { status: 'UNHEALTHY', trigger: 'HEALTH_CHECK_FAILED', message }
}

function trouble({ replicas, dead }: ObservedDeployment): string {
  for (const replica of replicas.values()) {
    const { id, frozen, health } = replica
    if (frozen !== undefined) return ` Replica ${id} is frozen: ${frozen.error.message}.`
    if (isUnhealthy(replica)) return ` Replica ${id} is unhealthy: ${health.error?.message}.`
  }
  const last = dead.at(-1)
  if (last === undefined) return ''
  const { requestIds } = last
  const serving = requestIds.length === 0 ? '' : ` It was serving ${requestIds.join(', ')}.`
  return ` Replica ${last.id} died: ${last.reason}.${serving}${showLastLines(last)}`
}

function retrying(wanted: DesiredDeployment, seen: ObservedDeployment): string {
  const { starts, lastError } = failuresOf(wanted, seen)
  if (starts === 0) return ''
  const left = wanted.maxStartFailures - starts
  const more = left > 0 ? ` Retrying ${left} more time(s).` : ''
  return `A replica failed to start with exception.${more} Error:\n${lastError?.message ?? 'unknown'}`
}

function replicaStates({ replicas }: ObservedDeployment): DeploymentStatus['replicaStates'] {
  const counts: Partial<Record<ReplicaState, number>> = {}
  for (const replica of replicas.values()) {
    const state = replicaState(replica)
    counts[state] = (counts[state] ?? 0) + 1
  }
  return counts
}

export function replicaState({ phase, taking }: ObservedReplica): ReplicaState {
  switch (phase.name) {
    case 'starting':
      return 'STARTING'
    case 'running':
      return taking === undefined ? 'RUNNING' : 'UPDATING'
    case 'failed':
    case 'draining':
    case 'killed':
      return 'STOPPING'
  }
}

/** As Python prints a list of names. */
function list(deployments: readonly { readonly name: string }[]): string {
  return `[${deployments.map(({ name }) => `'${name}'`).join(', ')}]`
}
