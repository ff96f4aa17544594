import type { DeploymentConfig } from '../shared/config/resolved.ts'
import type { ApplicationConfig } from '../shared/config/schema.ts'
import type { ReplicaId } from '../shared/ids.ts'
import type { Node } from '../shared/node.ts'
import type { HttpAddress, HttpSettings } from '../shared/settings.ts'
import type { ApplicationDetails, DeploymentDetails, Details, ReplicaFacts } from './details.ts'
import type { Vitals } from './rest-vitals.ts'
import { healthMetrics } from './rest-vitals.ts'

/** What of a cluster does not change while its controller lives. */
export interface ClusterFacts {
  readonly node: Node
  /** By which ids the logs know a process. */
  readonly identify: (pid: number, actorName: string) => { readonly actor_id: string; readonly worker_id: string }
  readonly controllerLogFile: string
  /** The directory from which the paths of log files count. */
  readonly logsRoot: string
  readonly address: HttpAddress
  readonly http: Pick<HttpSettings, 'requestTimeoutS' | 'keepAliveTimeoutS' | 'tls'>
  readonly hasProxies: boolean
}

/** Everything that the reference tells of a cluster, with its keys at every level. */
export function showDetails(details: Details, facts: ClusterFacts, vitals: Vitals) {
  return {
    controller_info: actor(facts, {
      name: 'SERVE_CONTROLLER_ACTOR',
      pid: vitals.pid,
      logFile: facts.controllerLogFile,
    }),
    proxy_location: facts.hasProxies ? 'EveryNode' : 'Disabled',
    http_options: httpOptions(facts),
    grpc_options: { port: 9000, grpc_servicer_functions: [], request_timeout_s: null },
    proxies: Object.fromEntries(proxies(details, facts)),
    applications: Object.fromEntries(
      details.applications.map((one) => [one.name, showApplication(one, details, facts)] as const),
    ),
    target_capacity: details.targetCapacity,
    target_groups: targetGroups(details, facts),
    controller_health_metrics: healthMetrics(details.turns, vitals),
  }
}

interface Actor {
  readonly name: string
  readonly pid: number | undefined
  readonly logFile: string | undefined
}

function actor({ node, logsRoot, identify }: ClusterFacts, { name, pid, logFile }: Actor) {
  const { actor_id = null, worker_id = null } = pid === undefined ? {} : identify(pid, name)
  const isBelow = logFile?.startsWith(`${logsRoot}/`) === true
  return {
    node_id: node.id,
    node_ip: node.ip,
    node_instance_id: '',
    actor_id,
    actor_name: name,
    worker_id,
    log_file_path: isBelow ? logFile.slice(logsRoot.length) : (logFile ?? null),
  }
}

function httpOptions({ address, http: { requestTimeoutS, keepAliveTimeoutS, tls } }: ClusterFacts) {
  return {
    host: address.host,
    port: address.port,
    root_path: '',
    request_timeout_s: requestTimeoutS,
    keep_alive_timeout_s: keepAliveTimeoutS,
    ssl_keyfile: tls?.keyfile ?? null,
    ssl_certfile: tls?.certfile ?? null,
    // Nobody needs to read it here.
    ssl_keyfile_password: null,
    ssl_ca_certs: tls?.caCerts ?? null,
  }
}

/** The reference has one proxy a node, under the id of the node; further ones get a number, as in their names. */
function proxies({ proxies: all }: Details, facts: ClusterFacts) {
  return all
    .toSorted((a, b) => a.index - b.index)
    .map(({ node, index, pid, logFile, status }) => {
      const id = index === 0 ? node.id : `${node.id}_${index + 1}`
      return [id, { ...actor({ ...facts, node }, { name: `SERVE_PROXY_ACTOR-${id}`, pid, logFile }), status }] as const
    })
}

function targetGroups(details: Details, facts: ClusterFacts) {
  const [first] = proxies(details, facts)
  if (first === undefined) return []
  const [, proxy] = first
  const target = { ip: proxy.node_ip, port: facts.address.port, instance_id: '', name: proxy.actor_name }
  return [
    {
      targets: [target],
      route_prefix: '/',
      protocol: 'HTTP',
      app_name: '',
      ingress_request_router_targets: [],
      ingress_deployment_name: '',
    },
  ]
}

function showApplication(own: ApplicationDetails, { declaredAtS }: Details, facts: ClusterFacts) {
  const { name, status, message, deployed, declared, deployments } = own
  const ingress = deployed?.spec.ingress ?? ''
  return {
    name,
    route_prefix: deployed?.spec.routePrefix ?? declared?.route_prefix ?? null,
    docs_path: null,
    status,
    message,
    last_deployed_time_s: deployed?.lastDeployedTimeS ?? declaredAtS,
    deployed_app_config: declared === undefined ? null : saidOf(declared),
    source: deployed?.source ?? 'declarative',
    deployments: Object.fromEntries(deployments.map((one) => [one.name, showDeployment(name, one, facts)] as const)),
    external_scaler_enabled: declared?.external_scaler_enabled ?? false,
    deployment_topology: {
      app_name: name,
      nodes: Object.fromEntries(deployments.map((one) => [one.name, topologyNode(name, one.name, ingress)] as const)),
      ingress_deployment: ingress,
    },
  }
}

function topologyNode(application: string, name: string, ingress: string) {
  return { name, app_name: application, outbound_deployments: [], is_ingress: name === ingress }
}

function isSaid(value: unknown): boolean {
  return value !== null && value !== false && !(typeof value === 'object' && Object.keys(value).length === 0)
}

/** Of an application's configuration, what is not as it is when nothing is said. */
export function saidOf(config: ApplicationConfig) {
  const { name, route_prefix, import_path, ...others } = config
  const said = Object.fromEntries(Object.entries(others).filter(([, value]) => isSaid(value)))
  return { name, route_prefix, import_path, ...said }
}

function showDeployment(application: string, own: DeploymentDetails, facts: ClusterFacts) {
  const show = (id: ReplicaId, state: string, known: Partial<ReplicaFacts>) => {
    const process = { name: `SERVE_REPLICA::${application}#${own.name}#${id}`, pid: known.pid, logFile: known.logFile }
    const { startTimeS = 0, pid = null } = known
    return { ...actor(facts, process), replica_id: id, state, pid, start_time_s: startTimeS }
  }
  return {
    name: own.name,
    status: own.status,
    status_trigger: own.trigger,
    message: own.message,
    deployment_config: own.options === undefined ? { name: own.name } : deploymentConfig(own.name, own.options),
    target_num_replicas: own.targetReplicas,
    required_resources: own.requiredResources,
    replicas: own.replicas.map((replica) => show(replica.id, replica.state, replica)),
    recent_dead_replicas: own.recentDeadReplicas.map((dead) => show(dead.id, 'STOPPED', dead)),
  }
}

/** How the reference's proxies choose, in what can be set there; batoid's choose in the same way. */
const ROUTER = {
  request_router_class: 'ray.serve._private.request_router:PowerOfTwoChoicesRequestRouter',
  request_router_kwargs: {},
  request_routing_stats_period_s: 10,
  request_routing_stats_timeout_s: 30,
  initial_backoff_s: 0.025,
  backoff_multiplier: 2,
  max_backoff_s: 0.5,
}

function deploymentConfig(name: string, options: DeploymentConfig) {
  const { statusCode, retryAfterS } = options.backpressureConfig
  return {
    name,
    num_replicas: options.numReplicas,
    max_ongoing_requests: options.maxOngoingRequests,
    max_queued_requests: options.maxQueuedRequests,
    backpressure_config: { status_code: statusCode, retry_after_s: retryAfterS },
    user_config: options.userConfig,
    graceful_shutdown_wait_loop_s: options.gracefulShutdownWaitLoopS,
    graceful_shutdown_timeout_s: options.gracefulShutdownTimeoutS,
    health_check_period_s: options.healthCheckPeriodS,
    health_check_timeout_s: options.healthCheckTimeoutS,
    ray_actor_options: actorOptions(options.rayActorOptions),
    request_router_config: ROUTER,
    rolling_update_percentage: options.rollingUpdatePercentage,
    ...(options.maxReplicasPerNode === null ? {} : { max_replicas_per_node: options.maxReplicasPerNode }),
  }
}

/** What is zero is not said, as in the reference. */
function actorOptions({ numCpus, numGpus, memory, resources, runtimeEnv }: DeploymentConfig['rayActorOptions']) {
  const { envVars } = runtimeEnv
  return {
    num_cpus: numCpus,
    ...(numGpus > 0 ? { num_gpus: numGpus } : {}),
    ...(memory > 0 ? { memory } : {}),
    ...(Object.keys(resources).length > 0 ? { resources } : {}),
    ...(Object.keys(envVars).length > 0 ? { runtime_env: { env_vars: envVars } } : {}),
  }
}
