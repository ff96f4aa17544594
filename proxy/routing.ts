import type { DeploymentId } from '../shared/ids.ts'
import type { EndpointTable, Route } from '../shared/protocol.ts'
import { findRoute, longestFirst } from './match.ts'
import { Pool, type PoolOptions } from './pool.ts'
import { hasSameEndpoints, isNewer, routeOf, showEndpoints } from './table.ts'

/** Where a request goes. */
export interface Destination {
  readonly route: Route
  readonly pool: Pool
}

/** The endpoint table in force, and the pool of each of its deployments. */
export class Routing {
  readonly #options: PoolOptions
  readonly #pools = new Map<DeploymentId, Pool>()
  #table: EndpointTable | undefined
  #routes: readonly Route[] = []

  constructor(options: PoolOptions) {
    this.#options = options
  }

  /** Undefined until the first one has arrived. */
  get table(): EndpointTable | undefined {
    return this.#table
  }

  get queued(): number {
    return [...this.#pools.values()].reduce((sum, pool) => sum + pool.queued, 0)
  }

  /** Requests for which a replica is at work. */
  get leased(): number {
    return [...this.#pools.values()].reduce((sum, pool) => sum + pool.ongoing, 0)
  }

  find(path: string): Destination | undefined {
    const route = findRoute(this.#routes, path)
    const pool = route && this.#pools.get(route.deployment)
    return route && pool && { route, pool }
  }

  /** The endpoints to be shown, if the table is the first one or leads other routes to other deployments. */
  accept(table: EndpointTable): string | undefined {
    const held = this.#table
    if (!isNewer(table, held)) return undefined
    this.#table = table
    this.#routes = longestFirst(table.routes)
    for (const { deployment } of table.routes) {
      if (!this.#pools.has(deployment)) this.#pools.set(deployment, new Pool(this.#options))
    }
    for (const [deployment, pool] of this.#pools) {
      const route = routeOf(table, deployment)
      pool.update(route)
      // One with requests is kept: should the deployment come back, it knows how busy the replicas are.
      if (route === undefined && pool.ongoing === 0) this.#pools.delete(deployment)
    }
    return held !== undefined && hasSameEndpoints(held, table) ? undefined : showEndpoints(table)
  }

  /** No request waits any more, no replica is used. */
  clear(): void {
    for (const pool of this.#pools.values()) pool.update(undefined)
    this.#pools.clear()
    this.#routes = []
  }
}
