import { deploymentId } from '../shared/ids.ts'
import type { ApplicationSpec, Route } from '../shared/protocol.ts'
import { isGivenUp } from './policy.ts'
import type { Desired, Observed } from './state.ts'
import { unseen } from './state.ts'

/** The routes of all applications, each with the running replicas of its ingress deployment. */
export function routes(applications: readonly ApplicationSpec[], desired: Desired, observed: Observed): Route[] {
  return applications.flatMap((application) => {
    const { name, routePrefix, ingress } = application
    const id = deploymentId({ application: name, deployment: ingress })
    const wanted = desired.get(id)
    const options = application.deployments.find((deployment) => deployment.name === ingress)?.options
    if (routePrefix === null || wanted === undefined || options === undefined) return []
    const seen = observed.get(id) ?? unseen
    const replicas = [...seen.replicas.values()].flatMap(({ id: replica, phase, frozen }) =>
      phase.name === 'running' && frozen === undefined ? [{ id: replica, address: phase.address }] : [],
    )
    return [
      {
        prefix: routePrefix,
        application: name,
        deployment: id,
        failed: replicas.length === 0 && isGivenUp(wanted, seen),
        maxOngoingRequests: options.maxOngoingRequests,
        maxQueuedRequests: options.maxQueuedRequests,
        backpressure: options.backpressureConfig,
        replicas,
      },
    ]
  })
}
