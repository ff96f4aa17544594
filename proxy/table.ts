import { type DeploymentId, showDeployment } from '../shared/ids.ts'
import type { EndpointTable, Route } from '../shared/protocol.ts'

/** A table that is not newer than the one in hand has been overtaken on its way. */
export function isNewer(arrived: EndpointTable, held: EndpointTable | undefined): boolean {
  return held === undefined || arrived.version > held.version
}

/** Which deployment each route leads to, as Ray Serve prints it. */
export function showEndpoints({ routes }: EndpointTable): string {
  return `{${routes.map(showEndpoint).join(', ')}}`
}

/** Whether both tables lead the same routes to the same deployments, whatever their replicas. */
export function hasSameEndpoints(a: EndpointTable, b: EndpointTable): boolean {
  const [left, right] = [a, b].map(({ routes }) => routes.map(showEndpoint).toSorted().join())
  return left === right
}

/** The answer to `/-/routes`: route prefix to application. */
export function listRoutes({ routes }: EndpointTable): string {
  return JSON.stringify(Object.fromEntries(routes.map(({ prefix, application }) => [prefix, application])))
}

export function routeOf({ routes }: EndpointTable, deployment: DeploymentId): Route | undefined {
  return routes.find((route) => route.deployment === deployment)
}

function showEndpoint({ deployment, prefix }: Route): string {
  return `${showDeployment(deployment)}: EndpointInfo(route='${prefix}', app_is_cross_language=False)`
}
