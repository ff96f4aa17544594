import { deploymentId } from '../../shared/ids.ts'
import type { Route } from '../../shared/protocol.ts'

/** A route of the endpoint table without replicas, limits that matter or back-pressure, but for what is given. */
export function routeTo(route: Partial<Route> = {}): Route {
  return {
    prefix: '/',
    application: 'default',
    deployment: deploymentId({ application: route.application ?? 'default', deployment: 'Ingress' }),
    failed: false,
    maxOngoingRequests: 100,
    maxQueuedRequests: -1,
    backpressure: { statusCode: 503, retryAfterS: null },
    replicas: [],
    ...route,
  }
}
