import type { Instant } from '../shared/clock.ts'
import type { ErrorReport } from '../shared/errors.ts'
import type { DeploymentId, ReplicaId } from '../shared/ids.ts'

/** What shall be: owned by the controller, changed by deploying. */
export interface DesiredDeployment {
  /** Which code and options a replica must have been started with; another version is replaced. */
  readonly version: string
  readonly targetReplicas: number
  readonly startTimeoutMs: number
  readonly drainTimeoutMs: number
  /** So many failed starts before the first success, and the deployment is given up. */
  readonly maxStartFailures: number
  readonly cpus: number
}

export type Desired = ReadonlyMap<DeploymentId, DesiredDeployment>

/** What is known to be true, or has just been ordered. */
export interface ObservedReplica {
  readonly id: ReplicaId
  readonly version: string
  readonly cpus: number
  /** Kept here because a deleted deployment has no specification left to look it up in. */
  readonly drainTimeoutMs: number
  readonly phase: Phase
}

export type Phase =
  | { readonly name: 'starting'; readonly deadline: Instant; readonly timeoutMs: number }
  | { readonly name: 'running'; readonly address: string; readonly since: Instant }
  /** It has said that it cannot start, and is about to leave. */
  | { readonly name: 'failed'; readonly error: ErrorReport; readonly deadline: Instant }
  | { readonly name: 'draining'; readonly deadline: Instant }
  /** `failed` has the reason if it was killed for not becoming ready, and is undefined if it would not leave. */
  | { readonly name: 'killed'; readonly failed: ErrorReport | undefined }

export interface ObservedDeployment {
  readonly replicas: ReadonlyMap<ReplicaId, ObservedReplica>
  readonly failures: Failures
  /** The last version of which a replica ever ran. */
  readonly ranVersion: string | undefined
  /** How many replicas are wanted but do not fit the machine. */
  readonly waiting: number
}

/** Replicas that died unbidden. */
export interface Failures {
  /** Since a replica last lived for `STABLE_MS`. */
  readonly inARow: number
  /** No replica is started before; meaningful only after a failure. */
  readonly notBefore: Instant
  /** Failed starts of this version. */
  readonly version: string | undefined
  readonly starts: number
  readonly lastError: ErrorReport | undefined
}

export type Observed = ReadonlyMap<DeploymentId, ObservedDeployment>

export const unseen: ObservedDeployment = {
  replicas: new Map(),
  failures: { inARow: 0, notBefore: 0, version: undefined, starts: 0, lastError: undefined },
  ranVersion: undefined,
  waiting: 0,
}

/** What is to be done. */
export type Action =
  | {
      readonly do: 'spawn'
      readonly deployment: DeploymentId
      readonly replica: ReplicaId
      readonly wanted: DesiredDeployment
    }
  | { readonly do: 'drain'; readonly deployment: DeploymentId; readonly replica: ReplicaId }
  | { readonly do: 'kill'; readonly deployment: DeploymentId; readonly replica: ReplicaId }
  /** So many replicas wait for room from now on; 0: none any more. */
  | { readonly do: 'wait'; readonly deployment: DeploymentId; readonly replicas: number }

/** What has happened. */
export type Event =
  | { readonly on: 'running'; readonly deployment: DeploymentId; readonly replica: ReplicaId; readonly address: string }
  | {
      readonly on: 'failed'
      readonly deployment: DeploymentId
      readonly replica: ReplicaId
      readonly error: ErrorReport
    }
  /** It leaves of its own accord. */
  | { readonly on: 'leaving'; readonly deployment: DeploymentId; readonly replica: ReplicaId }
  /** Its process is gone. `error` says how it died if nobody told it to. */
  | {
      readonly on: 'exited'
      readonly deployment: DeploymentId
      readonly replica: ReplicaId
      readonly error: ErrorReport
    }
  /** A replica of a former controller has been found alive. */
  | { readonly on: 'found'; readonly deployment: DeploymentId; readonly found: ObservedReplica }
