import { deploymentId } from '../shared/ids.ts'
import type { ApplicationSpec, ApplicationStatus } from '../shared/protocol.ts'
import { failuresOf, isGivenUp, isServing } from './policy.ts'
import type { Desired, Observed } from './state.ts'
import { revisionOf, unseen } from './state.ts'

type Opinion = Pick<ApplicationStatus, 'status' | 'message'>

/** What is to be thought of an application: computed from what is wanted and what is there, never stored. */
export function applicationStatus(application: ApplicationSpec, desired: Desired, observed: Observed): Opinion {
  const deployments = application.deployments.map(({ name }) => {
    const id = deploymentId({ application: application.name, deployment: name })
    return { name, ...deploymentStatus(id, desired, observed) }
  })
  const failed = deployments.filter(({ status }) => status === 'DEPLOY_FAILED')
  if (failed.length > 0) {
    const reasons = failed.map(({ message }) => message).join('\n')
    return { status: 'DEPLOY_FAILED', message: `Failed to update the deployments ${list(failed)}. ${reasons}` }
  }
  const sick = deployments.filter(({ status }) => status === 'UNHEALTHY')
  if (sick.length > 0) return { status: 'UNHEALTHY', message: `The deployments ${list(sick)} are UNHEALTHY.` }
  return { status: deployments.every(({ status }) => status === 'RUNNING') ? 'RUNNING' : 'DEPLOYING', message: '' }
}

function deploymentStatus(id: ReturnType<typeof deploymentId>, desired: Desired, observed: Observed): Opinion {
  const wanted = desired.get(id)
  if (wanted === undefined) return { status: 'DELETING', message: '' }
  const seen = observed.get(id) ?? unseen
  if (isGivenUp(wanted, seen)) {
    const { starts, lastError } = failuresOf(wanted, seen)
    const message =
      `The deployment failed to start ${starts} times in a row. This may be due to a problem with its constructor or ` +
      `initial health check failing. See controller logs for details. Error:\n${lastError?.message ?? 'unknown'}`
    return { status: 'DEPLOY_FAILED', message }
  }
  const revision = revisionOf(wanted)
  const current = [...seen.replicas.values()].filter((replica) => revisionOf(replica) === revision)
  if (current.filter(isServing).length >= wanted.targetReplicas) return { status: 'RUNNING', message: '' }
  const isSick = current.some((replica) => replica.phase.name === 'running' && !isServing(replica))
  if (!isSick && failuresOf(wanted, seen).lost === 0) return { status: 'DEPLOYING', message: '' }
  const message =
    "A replica's health check failed. This deployment will be UNHEALTHY until the replica recovers or a new deploy happens."
  return { status: 'UNHEALTHY', message }
}

/** As Python prints a list of names. */
function list(deployments: readonly { readonly name: string }[]): string {
  return `[${deployments.map(({ name }) => `'${name}'`).join(', ')}]`
}
