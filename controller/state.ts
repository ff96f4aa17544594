import type { Instant } from '../shared/clock.ts'
import type { ErrorReport } from '../shared/errors.ts'
import type { DeploymentId, ReplicaId } from '../shared/ids.ts'
import type { Allotment, Health, Resources } from '../shared/protocol.ts'

/** What shall be: owned by the controller, changed by deploying. */
export interface DesiredDeployment {
  /** Which code and options a replica must have been started with; another version is replaced. */
  readonly version: string
  /** What a replica takes over while it runs; one that has another is told. */
  readonly config: string
  readonly targetReplicas: number
  /** An update takes so many replicas at a time, and so many may be there besides the target. */
  readonly surge: number
  readonly startTimeoutMs: number
  /** A replica may be frozen for so long before it is killed. */
  readonly frozenTimeoutMs: number
  readonly drainTimeoutMs: number
  /** So many failed starts before the first success, and the deployment is given up. */
  readonly maxStartFailures: number
  /** What each replica takes of the machine. */
  readonly resources: Resources
  /** More are not started on this machine. */
  readonly maxReplicas: number
}

export type Desired = ReadonlyMap<DeploymentId, DesiredDeployment>

/** What is known to be true, or has just been ordered. */
export interface ObservedReplica {
  readonly id: ReplicaId
  readonly version: string
  /** What it has taken over last, */
  readonly config: string
  /** and what it has been told to take over and not answered yet. */
  readonly taking: string | undefined
  readonly allotment: Allotment
  /** Kept here because a deleted deployment has no specification left to look it up in. */
  readonly drainTimeoutMs: number
  readonly phase: Phase
  readonly health: Health
  readonly frozen: Frozen | undefined
  /** What proxies have told of it last. */
  readonly interrupted: Interrupted | undefined
}

/** Requests that ended without an answer: whether it dies of them, or they of it, is known when its process ends. */
export interface Interrupted {
  readonly at: Instant
  readonly requestIds: readonly string[]
}

/** It is stopped, or runs JavaScript without end: `error` says which, and where. */
export interface Frozen {
  readonly since: Instant
  readonly error: ErrorReport
}

export type Phase =
  | { readonly name: 'starting'; readonly deadline: Instant; readonly timeoutMs: number }
  /** `since`: when it began to run with what it has, its config included. */
  | { readonly name: 'running'; readonly address: string; readonly since: Instant }
  /** It has said that it cannot start, and is about to leave. */
  | { readonly name: 'failed'; readonly error: ErrorReport; readonly deadline: Instant }
  | { readonly name: 'draining'; readonly deadline: Instant }
  /**
   * `failed` has the reason if it was killed for not becoming ready or for being frozen, and is undefined if it would
   * not leave. `since`: when it began to run, if it ever did.
   */
  | { readonly name: 'killed'; readonly failed: ErrorReport | undefined; readonly since: Instant | undefined }

export interface ObservedDeployment {
  readonly replicas: ReadonlyMap<ReplicaId, ObservedReplica>
  /** What went wrong with each revision (a version with a config): an update is not held up by what came before it. */
  readonly failures: ReadonlyMap<Revision, Failures>
  /** The last revision that a replica ever ran. */
  readonly ranRevision: Revision | undefined
  /** Those that died unbidden, the latest last. */
  readonly dead: readonly DeadReplica[]
  /** Replicas that are wanted but do not fit the machine. */
  readonly waiting: Waiting | undefined
  /** The last warning of slow starts, for as long as any is slow. */
  readonly slow: Slow | undefined
  /** What was wanted when last as many ran as were wanted. */
  readonly reached: Reached | undefined
}

export interface DeadReplica {
  readonly id: ReplicaId
  readonly reason: string
  /** What it was serving, as far as is known; the latest last. */
  readonly requestIds: readonly string[]
  /** What it wrote at the end. */
  readonly lastLines: readonly string[]
}

export interface Waiting {
  readonly replicas: number
  /** Since when any have been. */
  readonly since: Instant
}

/** How many replicas have not been placed, or not become ready, for so long that somebody should know. */
export interface Slow {
  readonly at: Instant
  readonly waiting: number
  readonly starting: number
  /** By each replica that waits, */
  readonly required: Resources
  /** and what is free. */
  readonly available: Resources
}

export interface Reached {
  readonly revision: Revision
  readonly targetReplicas: number
  /** What it took to get there from what was reached before. */
  readonly by: Step
  /** Whether it is still so: false once a replica has been lost. */
  readonly holds: boolean
}

/** How what is wanted differs from what was reached; `repair`: not at all, but replicas were lost. */
export type Step = 'update' | 'upscale' | 'downscale' | 'repair'

export type Revision = `${string}/${string}`

export function revisionOf({ version, config }: { readonly version: string; readonly config: string }): Revision {
  return `${version}/${config}`
}

/** Replicas that died unbidden, could not start, or could not take a config over. */
export interface Failures {
  /** Since a replica last lived for `STABLE_MS`. */
  readonly inARow: number
  /** Of those in a row, the last ones that each came sooner than the delay before the next start is long. */
  readonly hasty: number
  /** No replica is started or updated before; meaningful only after a failure. */
  readonly notBefore: Instant
  /** Failed starts and updates. */
  readonly starts: number
  /** Of those in a row: replicas that ran first. */
  readonly lost: number
  readonly lastError: ErrorReport | undefined
}

export const noFailures: Failures = { inARow: 0, hasty: 0, notBefore: 0, starts: 0, lost: 0, lastError: undefined }

export type Observed = ReadonlyMap<DeploymentId, ObservedDeployment>

export const unseen: ObservedDeployment = {
  replicas: new Map(),
  failures: new Map(),
  ranRevision: undefined,
  dead: [],
  waiting: undefined,
  slow: undefined,
  reached: undefined,
}

/** What is to be done. */
export type Action =
  | {
      readonly do: 'spawn'
      readonly deployment: DeploymentId
      readonly replica: ReplicaId
      readonly wanted: DesiredDeployment
      readonly allotment: Allotment
    }
  /** Takes over what changes without a new process. */
  | {
      readonly do: 'reconfigure'
      readonly deployment: DeploymentId
      readonly replica: ReplicaId
      readonly config: string
    }
  | {
      readonly do: 'drain'
      readonly deployment: DeploymentId
      readonly replica: ReplicaId
      readonly timeoutMs: number
    }
  | { readonly do: 'kill'; readonly deployment: DeploymentId; readonly replica: ReplicaId }
  /** What is wanted has been reached, or is lost again. */
  | { readonly do: 'reach'; readonly deployment: DeploymentId; readonly reached: Reached }
  /** So many replicas wait for room from now on; 0: none any more. */
  | { readonly do: 'wait'; readonly deployment: DeploymentId; readonly replicas: number }
  /** Replicas take long to start, or undefined: none does any more. */
  | { readonly do: 'warn'; readonly deployment: DeploymentId; readonly slow: Slow | undefined }
  /** Nothing of it is wanted or there. */
  | { readonly do: 'forget'; readonly deployment: DeploymentId }

/** What has happened. */
export type Event =
  | { readonly on: 'running'; readonly deployment: DeploymentId; readonly replica: ReplicaId; readonly address: string }
  | {
      readonly on: 'failed'
      readonly deployment: DeploymentId
      readonly replica: ReplicaId
      readonly error: ErrorReport
    }
  /** It runs with the config that it was told to take over, */
  | {
      readonly on: 'reconfigured'
      readonly deployment: DeploymentId
      readonly replica: ReplicaId
      readonly config: string
    }
  /** or goes on with the one before. */
  | {
      readonly on: 'not reconfigured'
      readonly deployment: DeploymentId
      readonly replica: ReplicaId
      readonly config: string
      readonly error: ErrorReport
    }
  /** Its health check passed or failed, and did not the last time, or not as often. */
  | {
      readonly on: 'checked'
      readonly deployment: DeploymentId
      readonly replica: ReplicaId
      readonly health: Health
    }
  | {
      readonly on: 'frozen'
      readonly deployment: DeploymentId
      readonly replica: ReplicaId
      readonly error: ErrorReport
    }
  | { readonly on: 'thawed'; readonly deployment: DeploymentId; readonly replica: ReplicaId }
  /** It leaves of its own accord. */
  | { readonly on: 'leaving'; readonly deployment: DeploymentId; readonly replica: ReplicaId }
  /** Its process is gone. `error` says how it died if nobody told it to, and `lastLines` what it wrote at the end. */
  | {
      readonly on: 'exited'
      readonly deployment: DeploymentId
      readonly replica: ReplicaId
      readonly error: ErrorReport
      readonly lastLines: readonly string[]
    }
  /** A proxy has lost these requests with it; it may live on, or have gone already. */
  | {
      readonly on: 'interrupted'
      readonly deployment: DeploymentId
      readonly replica: ReplicaId
      readonly requestIds: readonly string[]
    }
  /** A replica of a former controller has been found alive. */
  | { readonly on: 'found'; readonly deployment: DeploymentId; readonly found: ObservedReplica }
