import { type Clock, pause } from '../shared/clock.ts'
import { declarationFrom } from '../shared/config/applications.ts'
import { type ServeConfig, serveConfig } from '../shared/config/schema.ts'
import { deploymentId } from '../shared/ids.ts'
import { isObject } from '../shared/schema.ts'
import type { Source } from './applications.ts'
import type { Controller } from './controller.ts'
import type { Declarations } from './declarations.ts'
import type { Cluster, Scaled } from './rest-app.ts'
import { type ClusterFacts, showDetails } from './rest-details.ts'
import type { Vitals } from './rest-vitals.ts'

const LOOK_MS = 50

export interface RestClusterOptions {
  readonly controller: Controller
  readonly declarations: Declarations
  readonly newId: () => string
  readonly sessionName: string
  readonly facts: ClusterFacts
  readonly vitals: () => Omit<Vitals, 'eventLoopDelayS'>
  readonly clock: Clock
  readonly warn: (text: string) => void
}

/** The cluster as the REST API sees it. */
export class RestCluster implements Cluster {
  readonly #options: RestClusterOptions

  constructor(options: RestClusterOptions) {
    this.#options = options
  }

  get sessionName(): string {
    return this.#options.sessionName
  }

  async details(source: Source | undefined): Promise<object> {
    const { controller, facts, vitals, clock } = this.#options
    const before = clock.now()
    await pause(clock, 0)
    const eventLoopDelayS = (clock.now() - before) / 1000
    const all = controller.details()
    const applications = all.applications.filter(
      ({ deployed }) => source === undefined || (deployed?.source ?? 'declarative') === source,
    )
    return showDetails({ ...all, applications }, facts, { ...vitals(), eventLoopDelayS })
  }

  declare(config: ServeConfig, raw: unknown): void {
    const different = differencesOf(config, isObject(raw) ? raw['http_options'] : undefined, this.#options.facts)
    if (different.length > 0) {
      const list = different.map((key) => `'${key}'`).join(', ')
      this.#options.warn(
        "Serve is already running and it's not possible to update its HTTP options without restarting it. " +
          `Following options are attempted to be updated: [${list}].`,
      )
    }
    void this.#options.declarations.declare(config)
  }

  async deleteAll(): Promise<void> {
    const { controller, declarations, clock, newId } = this.#options
    declarations.kill()
    controller.apply(declarationFrom(serveConfig.parse({ applications: [] }), newId(), []))
    controller.delete(controller.details().applications.map(({ name }) => name))
    // What somebody declares meanwhile is nobody's to wait for.
    while (controller.details().applications.some(({ status }) => status === 'DELETING')) await pause(clock, LOOK_MS)
  }

  end(): number | undefined {
    return this.#options.controller.endCluster('a request to the REST API to shut down')
  }

  delete(application: string): boolean {
    const own = this.#find(application)
    if (own === undefined || own.status === 'DELETING') return false
    this.#options.controller.delete([application])
    return true
  }

  scale(application: string, deployment: string, replicas: number): Scaled {
    const own = this.#find(application)
    if (own === undefined || !own.deployments.some(({ name }) => name === deployment)) return 'not found'
    if (own.status === 'DELETING') return 'deleted'
    // What was deployed by itself has no configuration that would say otherwise.
    if (own.declared !== undefined && !own.declared.external_scaler_enabled) return 'not external'
    return this.#options.controller.scale(deploymentId({ application, deployment }), replicas) ? 'scaled' : 'not found'
  }

  #find(application: string) {
    return this.#options.controller.details().applications.find(({ name }) => name === application)
  }
}

/** Which HTTP options are said and are not those with which the cluster was started. */
function differencesOf(config: ServeConfig, said: unknown, { address, http }: ClusterFacts): string[] {
  const { host, port, request_timeout_s: timeoutS, keep_alive_timeout_s: keepAliveS } = config.http_options
  const isSame: Readonly<Record<string, boolean>> = {
    host: host === address.host,
    port: port === address.port || port === 0,
    request_timeout_s: (timeoutS ?? 0) === (http.requestTimeoutS ?? 0),
    keep_alive_timeout_s: keepAliveS === http.keepAliveTimeoutS,
    ssl_keyfile: config.http_options.ssl_keyfile === (http.tls?.keyfile ?? null),
    ssl_certfile: config.http_options.ssl_certfile === (http.tls?.certfile ?? null),
  }
  return Object.keys(isObject(said) ? said : {}).filter((key) => isSame[key] === false)
}
