import type { DeploymentConfig } from '../shared/config/resolved.ts'
import type { ApplicationConfig } from '../shared/config/schema.ts'
import { deploymentId, type ReplicaId } from '../shared/ids.ts'
import type { Resources } from '../shared/protocol.ts'
import type { ProxyState, ReplicaState } from '../shared/statuses.ts'
import type { Deployed } from './applications.ts'
import { type OwnDeployment, type OwnStatus, replicaState, statuses } from './status.ts'
import { type Desired, type Observed, unseen } from './state.ts'
import { type DesiredState, withUnbuilt } from './target.ts'
import type { TurnsSeen } from './turns.ts'

/** All that the controller knows of a cluster, for whoever asks: what it thinks of it, and the facts behind that. */
export interface Details {
  readonly proxies: readonly ProxyDetails[]
  readonly applications: readonly ApplicationDetails[]
  readonly targetCapacity: number | null
  /** Unix time, in seconds. */
  readonly declaredAtS: number
  readonly turns: TurnsSeen
}

export interface ProxyDetails {
  readonly node: { readonly id: string; readonly ip: string }
  readonly index: number
  readonly pid: number
  readonly logFile: string
  readonly status: ProxyState
}

export interface ApplicationDetails extends Omit<OwnStatus, 'deployments'> {
  /** What is known only of an application that is not being deleted. */
  readonly deployed: Deployed | undefined
  /** As it was written; undefined: it was deployed by itself, or is being deleted. */
  readonly declared: ApplicationConfig | undefined
  readonly deployments: readonly DeploymentDetails[]
}

export interface DeploymentDetails extends OwnDeployment {
  readonly recentDeadReplicas: readonly (OwnDeployment['recentDeadReplicas'][number] & Partial<ReplicaFacts>)[]
  readonly options: DeploymentConfig | undefined
  readonly targetReplicas: number
  /** What each replica takes of the machine. */
  readonly requiredResources: Resources
  readonly replicas: readonly ReplicaDetails[]
}

export interface ReplicaDetails extends Partial<ReplicaFacts> {
  readonly id: ReplicaId
  readonly state: ReplicaState
}

/** What is known of its process. */
export interface ReplicaFacts {
  readonly pid: number
  /** Unix time, in seconds. */
  readonly startTimeS: number
  readonly logFile: string
}

interface Sight {
  readonly desired: Desired
  readonly observed: Observed
  readonly factsOf: (replica: ReplicaId) => ReplicaFacts | undefined
}

export function applicationDetails(
  { applications, unbuilt, declared: { applications: declared } }: DesiredState,
  sight: Sight,
): ApplicationDetails[] {
  const { desired, observed } = sight
  return withUnbuilt(statuses(applications, desired, observed), unbuilt).map((status) => {
    const deployed = applications.find(({ spec }) => spec.name === status.name)
    const deployments = status.deployments.map((own) => {
      const spec = deployed?.spec.deployments.find(({ name }) => name === own.name)
      const dead = own.recentDeadReplicas.map((one) => ({ ...one, ...sight.factsOf(one.id) }))
      const details = deploymentDetails(status.name, own.name, sight)
      return { ...own, recentDeadReplicas: dead, options: spec?.options, ...details }
    })
    const isDeclared = deployed === undefined ? status.status !== 'DELETING' : deployed.source === 'declarative'
    const config = isDeclared ? declared.find(({ name }) => name === status.name) : undefined
    return { ...status, deployed, declared: config, deployments }
  })
}

function deploymentDetails(application: string, deployment: string, { desired, observed, factsOf }: Sight) {
  const id = deploymentId({ application, deployment })
  const { replicas } = observed.get(id) ?? unseen
  return {
    targetReplicas: desired.get(id)?.targetReplicas ?? 0,
    requiredResources: desired.get(id)?.resources ?? {},
    replicas: Array.from(replicas.values(), (replica) => ({
      id: replica.id,
      state: replicaState(replica),
      ...factsOf(replica.id),
    })),
  }
}
