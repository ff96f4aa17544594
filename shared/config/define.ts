import type { DeploymentOptions, LoggingOptions } from './deployment.ts'

/** What a cluster runs, as `serve.yaml` says it, in camelCase. */
export interface Config {
  /**
   * `Disabled`: no HTTP at all. On one machine the other two are the same.
   * @default 'EveryNode'
   */
  proxyLocation?: 'Disabled' | 'HeadOnly' | 'EveryNode'
  /** How requests are served. Read when a cluster starts; the flags of the command and environment variables win. */
  httpOptions?: HttpOptions
  /** Accepted and without effect: batoid has no gRPC. */
  grpcOptions?: { port?: number; grpcServicerFunctions?: readonly string[]; requestTimeoutS?: number | null }
  /** How controller, proxies and, where nothing else is said, replicas log. */
  loggingConfig?: LoggingOptions | null
  /**
   * The per cent of their replicas that all deployments run, rounded, but at least one unless it is 0; null: all.
   * @default null
   */
  targetCapacity?: number | null
  /** The applications; those that a cluster runs and that are not here are deleted. */
  applications: readonly ApplicationOptions[]
}

export interface HttpOptions {
  /** @default '127.0.0.1' */
  host?: string
  /**
   * 0: any free one.
   * @default 8000
   */
  port?: number
  /** Only the empty one. */
  rootPath?: ''
  /**
   * A request that takes longer is answered 408; null or 0: any time.
   * @default null
   */
  requestTimeoutS?: number | null
  /**
   * How long an idle connection is kept.
   * @default 90
   */
  keepAliveTimeoutS?: number
  /** PEM file of the private key; with it, HTTPS is served. */
  sslKeyfile?: string | null
  /** PEM file of the certificate. */
  sslCertfile?: string | null
  sslKeyfilePassword?: string | null
  /** PEM file of authorities; clients must show a certificate of one of them. */
  sslCaCerts?: string | null
}

export interface ApplicationOptions {
  /**
   * Unique.
   * @default 'default'
   */
  name?: string
  /**
   * Path prefix under which the application answers, unique; null: not reachable over HTTP.
   * @default '/'
   */
  routePrefix?: string | null
  /** `module:export`, where the export is an application or a function that returns one. */
  importPath: string
  /** What such a function is called with. */
  args?: Readonly<Record<string, unknown>>
  /** Where and with what its code runs. */
  runtimeEnv?: {
    /** Environment variables of the replicas, besides those of the controller. */
    envVars?: Readonly<Record<string, string>>
    /** Relative to the directory in which batoid was started, which is the default. */
    workingDir?: string
  }
  /** How its replicas log; replaces that of the whole configuration. */
  loggingConfig?: LoggingOptions | null
  /**
   * Whether the last good version is wanted again when a new one fails. batoid's own.
   * @default false
   */
  rollback?: boolean
  /**
   * Whether its numbers of replicas may be set from outside, over the REST API.
   * @default false
   */
  externalScalerEnabled?: boolean
  /** Not supported yet. */
  autoscalingPolicy?: null
  /** What is different from the code, per deployment. What is not said stays as the code has it. */
  deployments?: readonly (DeploymentOptions & { name: string })[]
}

/**
 * For a configuration that is code: `batoid run batoid.config.ts` runs the default export. It returns what it is given,
 * checked by the compiler; what a compiler cannot know is checked when it is loaded, as in a file.
 *
 * @example
 * export default defineConfig({ applications: [{ name: 'shop', routePrefix: '/shop', importPath: 'main:app' }] })
 */
export function defineConfig(config: Config): Config {
  return config
}
