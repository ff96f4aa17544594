import type { Processes } from './processes.ts'
import { batoid, batoidProxy, bareTransport } from './contestants/batoid.ts'
import { haproxy, nginx, nginxAtCluster, nginxUnix } from './contestants/balancers.ts'
import { bareReplica, httpProxy, httpProxyNoAgent, nodeCluster } from './contestants/node.ts'
import { pm2, rayServe, watt } from './contestants/peers.ts'

/** What the contestants share. */
export interface Site {
  /** For configurations, sockets and output; removed at the end. */
  readonly directory: string
  /** The compiled file of one of servers/. */
  server(name: string): string
  readonly processes: Processes
  /** Two bare replicas, each on a port and on a Unix socket. */
  readonly upstream: { readonly ports: readonly number[]; readonly sockets: readonly string[] }
  /** The session directory of the cluster. */
  readonly session: string
}

export interface Pids {
  /** What stands between client and replicas. */
  readonly hop: readonly number[]
  readonly replicas: readonly number[]
  /** What else belongs to it, and takes part in the work. */
  readonly rest: readonly number[]
}

export interface Contestant {
  readonly id: string
  readonly what: string
  /** Latency and streaming are measured too, not throughput alone. */
  readonly inDepth: boolean
  /** One process answers; the others spread the requests over two. */
  readonly isAlone?: boolean
  /** What it takes to have it, for machines that have not. */
  readonly toInstall?: string
  /** The version that is installed; undefined: it is not. */
  version?(): string | undefined
  /** How long it may take to answer; undefined: as long as anybody. */
  readonly readyMs?: number
  /** Resolves with its port, which may not be answering yet. */
  start(site: Site): Promise<number>
  pids(site: Site): Pids
}

/** In the order in which they start and are shown. */
export const CONTESTANTS: readonly Contestant[] = [
  batoid,
  batoidProxy,
  bareTransport,
  httpProxy,
  httpProxyNoAgent,
  nginx,
  nginxUnix,
  nginxAtCluster,
  haproxy,
  bareReplica,
  nodeCluster,
  pm2,
  watt,
  rayServe,
]
