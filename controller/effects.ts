import type { Clock } from '../shared/clock.ts'
import type { LoggingConfig } from '../shared/config/resolved.ts'
import type { DeploymentId, Random, ReplicaId } from '../shared/ids.ts'
import type { EndpointTable, Reconfigure } from '../shared/protocol.ts'
import type { ReplicaSettings } from '../shared/settings.ts'
import type { Hash } from './desired.ts'
import type { ReplicaFacts } from './details.ts'
import type { Line } from './lines.ts'
import type { Machine } from './resources.ts'
import type { DesiredState } from './target.ts'

export interface Which {
  readonly deployment: DeploymentId
  readonly replica: ReplicaId
}

/** What the loop makes happen. None of it may throw, but for `save`. */
export interface Effects {
  start(settings: ReplicaSettings): void
  /** Writes down what shall run; a throw leaves everything as it was. */
  save(state: DesiredState): void
  /** Tells the replica what to take over; its answer is an event. */
  reconfigure(which: Which, request: Reconfigure, timeoutMs: number): void
  /** Asks the replica to finish and leave. */
  drain(replica: ReplicaId, timeoutMs: number): void
  kill(replica: ReplicaId): void
  /** Puts the table in force in every proxy; settles, never rejects, when they have it or do not answer. */
  publish(table: EndpointTable): Promise<void>
  /** Controller and proxies are to log so. */
  setLogging(config: LoggingConfig): void
  /** Something has changed that a status may depend on. */
  changed(): void
  log(line: Line): void
}

/** The replica processes, as the controller needs them. */
export interface ReplicaProcesses {
  start(settings: ReplicaSettings): void
  /** Looks after a process that it did not start; returns whether that still lives. */
  adopt(which: Which, pid: number): boolean
  factsOf(replica: ReplicaId): ReplicaFacts | undefined
  kill(replica: ReplicaId): void
}

/** A replica of a former controller. `deployment` is undefined if the disk was full when it was started. */
export interface Started {
  readonly replica: ReplicaId
  readonly deployment: DeploymentId | undefined
  /** undefined: not known. */
  readonly pid: number | undefined
}

/** A controller that did not leave by itself. */
export interface Former {
  /** Its replicas, */
  readonly replicas: readonly Started[]
  /** and those that have not ended meanwhile. */
  living(): Promise<readonly ReplicaId[]>
  /** Leaves no word of it for the next controller. */
  forget(replica: ReplicaId): void
  /** What should run; undefined: that is not known any more, until somebody says it. */
  readonly state: DesiredState | undefined
}

export interface ControllerOptions {
  readonly processes: ReplicaProcesses
  readonly clock: Clock
  readonly random: Random
  readonly hash: Hash
  /** Unix time in milliseconds. */
  readonly date: () => number
  readonly machine: Machine
  readonly tableVersion: number
  /** What a controller before this one has left, if it did not leave by itself. */
  readonly former: Former | undefined
  /** @throws ServeError `checkpoint_failed` */
  readonly save: (state: DesiredState) => void
  /** The controller's own log is to be kept so. */
  readonly setLogging: (config: LoggingConfig) => void
  readonly log: (line: Line) => void
}
