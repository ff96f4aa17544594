import type { DeploymentConfig, LiveConfig, LoggingConfig } from './config/resolved.ts'
import type { Declaration, DeclaredApplication } from './declaration.ts'
import type { ErrorReport } from './errors.ts'
import type { DeploymentId, ReplicaId } from './ids.ts'
import type { ApplicationStatus } from './statuses.ts'

/**
 * Every message between processes. Types alone: what a process that runs user code sends is checked with zod where it
 * arrives (controller/messages.ts), and no other process pays for loading zod.
 * Messages are small and whole: a snapshot, never a difference, so that one which was missed needs only the next.
 */

/** Raised whenever a message changes its meaning; processes of different protocols refuse each other. */
export const PROTOCOL = 4

/** The first message of every connection. */
export interface Hello {
  readonly protocol: number
  /** Version of the batoid package, for the message when the protocols differ. */
  readonly version: string
  readonly pid: number
  readonly role: Role
}

export type Role =
  | { readonly kind: 'launcher' }
  | {
      readonly kind: 'proxy'
      /** The machine it runs on. */
      readonly node: { readonly id: string; readonly ip: string }
      /** Which of the proxies of the machine it is, from 0. */
      readonly index: number
      readonly logFile: string
      /** Of the endpoint table that it has in force; -1: none. */
      readonly tableVersion: number
    }
  | {
      readonly kind: 'replica'
      readonly replica: ReplicaId
      readonly deployment: DeploymentId
      /** Which code and options it was started with, */
      readonly version: string
      /** and which it has taken over since. */
      readonly config: string
      readonly allotment: Allotment
      readonly startTimeoutMs: number
      readonly drainTimeoutMs: number
      readonly phase: ReplicaReport
      readonly health: Health
    }

/** Logical resources by Ray's names: CPU, GPU, memory (bytes) and custom ones. */
export type Resources = Readonly<Record<string, number>>

/** What a replica holds of the machine. */
export interface Allotment {
  readonly resources: Resources
  /** Which ones, as CUDA_VISIBLE_DEVICES names them. */
  readonly gpus: readonly string[]
}

/** What a replica says of itself. */
export type ReplicaReport =
  | { readonly name: 'starting' }
  /** `address` is the Unix socket on which it serves HTTP. */
  | { readonly name: 'running'; readonly address: string }
  | { readonly name: 'failed'; readonly error: ErrorReport }
  | { readonly name: 'draining' }

/** What the replica's own `checkHealth()` has said. */
export interface Health {
  /** In a row, up to the last one; 0: it passed, or there is nothing to check. */
  readonly failures: number
  /** Of the last one. */
  readonly error?: ErrorReport | undefined
}

/** Replica to controller: sent at every change. */
export interface HealthChanged {
  readonly type: 'health'
  readonly health: Health
}

/** Replica to controller: sent at every change. */
export interface ReplicaChanged {
  readonly type: 'replica'
  readonly phase: ReplicaReport
}

/** Launcher to controller: this application shall run. Deploying what runs already changes nothing. */
export interface Deploy {
  readonly type: 'deploy'
  readonly application: ApplicationSpec
  /** It has been deployed before, and may have been changed or deleted since: only if nobody knows any more what shall run. */
  readonly isReminder: boolean
}

/** Launcher to controller: the applications of these names shall run no more. */
export interface Delete {
  readonly type: 'delete'
  readonly applications: readonly string[]
}

/** Launcher to controller: of what was declared before, this shall run and nothing else. What is as declared is left alone. */
export interface Apply {
  readonly type: 'apply'
  readonly declaration: Declaration
  readonly isReminder: boolean
}

/** Launcher to controller: so far has come what was declared; whatever of it is not awaited any more is ignored. */
export interface Built {
  readonly type: 'built'
  /** Of the declaration. */
  readonly id: string
  readonly applications: readonly DeclaredApplication[]
}

/** Launcher to controller: drain every replica, then leave. Answered when the last one has gone. */
export interface Shutdown {
  readonly type: 'shutdown'
}

/** Proxy to controller: these requests ended without an answer, because the replica did, or nearly so. */
export interface Interruption {
  readonly type: 'interrupted'
  readonly deployment: DeploymentId
  readonly replica: ReplicaId
  readonly requestIds: readonly string[]
}

/** Proxy to controller: it takes no new connections, and leaves when what it has is done. */
export interface Draining {
  readonly type: 'draining'
}

export type FromProxy = Interruption | Draining
export type FromReplica = ReplicaChanged | HealthChanged
export type FromLauncher = Deploy | Apply | Built | Delete | Shutdown

/** Controller to proxy, answered once it is in force. */
export interface Endpoints {
  readonly type: 'endpoints'
  readonly table: EndpointTable
}

/** Controller to proxy: log so from now on. */
export interface Logging {
  readonly type: 'logging'
  readonly loggingConfig: LoggingConfig
}

/** Controller to replica: finish what is ongoing and leave. */
export interface Drain {
  readonly type: 'drain'
  readonly timeoutMs: number
}

/** Controller to replica: go on with this. Answered when it is in force, with an error when it cannot be. */
export interface Reconfigure {
  readonly type: 'reconfigure'
  readonly config: string
  readonly live: LiveConfig
}

/** Controller to launcher, at every change. */
export interface Status {
  readonly type: 'status'
  /** How many proxies have the current endpoint table in force. */
  readonly proxies: number
  readonly applications: readonly ApplicationStatus[]
}

/** Controller to launcher: end the cluster, as after SIGTERM. */
export interface Leave {
  readonly type: 'leave'
  /** Who asked for it, for the log. */
  readonly reason: string
}

export type ToProxy = Endpoints | Logging
export type ToReplica = Drain | Reconfigure
export type ToLauncher = Status | Leave

export interface EndpointTable {
  /** Grows with every change; a table older than the one in hand has been overtaken on its way. */
  readonly version: number
  readonly routes: readonly Route[]
}

/** One application that requests can reach, with the running replicas of its ingress deployment. */
export interface Route {
  readonly prefix: string
  readonly application: string
  readonly deployment: DeploymentId
  /** The deployment has given up: its requests are answered 503 at once instead of waiting for a replica. */
  readonly failed: boolean
  readonly maxOngoingRequests: number
  /** -1: no limit. */
  readonly maxQueuedRequests: number
  readonly backpressure: { readonly statusCode: 503 | 429; readonly retryAfterS: number | null }
  readonly replicas: readonly RunningReplica[]
}

export interface RunningReplica {
  readonly id: ReplicaId
  readonly address: string
}

/** An application as the build process read it from the user's module. */
export interface ApplicationSpec {
  readonly name: string
  /** null: not reachable over HTTP. */
  readonly routePrefix: string | null
  readonly importPath: string
  /** Of the code under the import path: another one needs new processes. */
  readonly codeVersion?: string | undefined
  /** Where the import path is resolved, and the working directory of the replicas. */
  readonly workingDir: string
  /** What the builder is called with, if that is what the import path leads to. */
  readonly args: Readonly<Record<string, unknown>>
  /** Environment variables of the replicas, besides those of the controller. */
  readonly envVars: Readonly<Record<string, string>>
  /** Of the deployments that do not say otherwise. */
  readonly loggingConfig: LoggingConfig
  readonly ingress: string
  readonly deployments: readonly DeploymentSpec[]
  /** If it cannot be brought up, what ran before shall run again. */
  readonly rollback: boolean
}

export interface DeploymentSpec {
  readonly name: string
  readonly options: DeploymentConfig
}
