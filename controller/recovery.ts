import type { Clock } from '../shared/clock.ts'
import type { ErrorReport } from '../shared/errors.ts'
import type { DeploymentId, ReplicaId } from '../shared/ids.ts'
import type { Former, Which } from './effects.ts'

/** So long a restarted controller that knows what shall run waits for the replicas of the one before it. */
const RECOVERY_MS = 5_000
/** How often it looks whether they still live. */
const LOOK_MS = 100

export interface RecoveryOptions {
  /** What a controller before this one has left; undefined: there was none. */
  readonly former: Former | undefined
  readonly clock: Clock
  /** How long a replica may be frozen; undefined: nobody knows its deployment. */
  readonly frozenTimeoutMs: (deployment: DeploymentId) => number | undefined
  /** It has been frozen for too long. */
  readonly kill: (which: Which, error: ErrorReport) => void
  readonly done: () => void
}

interface Frozen {
  readonly which: Which
  readonly error: ErrorReport
  readonly cancel: () => void
}

/**
 * Ends once it is known both what shall run and who lives. Not to know the one is not to want nothing, and not to have
 * heard from a replica is not to have lost it: until then nobody is drained and nobody is started. One that is seen to
 * be frozen will say nothing for some time, perhaps never: nobody waits for that.
 */
export class Recovery {
  readonly #options: RecoveryOptions
  readonly #awaited: Map<ReplicaId, DeploymentId | undefined>
  /** What has not been heard of, also later. */
  readonly #frozen = new Map<ReplicaId, Frozen>()
  #knowsTarget = false

  constructor(options: RecoveryOptions) {
    const { former } = options
    this.#options = options
    this.#awaited = new Map(former?.replicas.map(({ replica, deployment }) => [replica, deployment]))
    void this.#look()
  }

  /** A first controller knows nothing either. */
  get knowsTarget(): boolean {
    return this.#knowsTarget
  }

  /** The deployments of the replicas that have not been heard of yet, one for each, where it is known. */
  get awaited(): readonly DeploymentId[] {
    return [...this.#awaited.values()].filter((deployment) => deployment !== undefined)
  }

  /** Nobody is waited for, and nobody is left that says nothing. */
  get isOver(): boolean {
    return this.#awaited.size === 0 && this.#frozen.size === 0
  }

  /** What shall run is known. */
  know(): void {
    if (!this.#knowsTarget) this.#options.clock.after(RECOVERY_MS, () => this.#giveUp())
    this.#knowsTarget = true
    this.#endIfComplete()
  }

  /** The replica lives, or has ended. */
  heard(replica: ReplicaId): void {
    this.#awaited.delete(replica)
    this.#thawed(replica)
    this.#endIfComplete()
  }

  /** The replica, which has not been heard of, is frozen, or is not any more: then it says so itself in a moment. */
  frozen(which: Which, error: ErrorReport | undefined): void {
    const { replica, deployment } = which
    if (error === undefined) return this.#thawed(replica)
    if (this.#frozen.has(replica)) return
    const { clock, frozenTimeoutMs, kill } = this.#options
    const cancel = clock.after(frozenTimeoutMs(deployment) ?? RECOVERY_MS, () => kill(which, error))
    this.#frozen.set(replica, { which, error, cancel })
    this.#awaited.delete(replica)
    this.#endIfComplete()
  }

  /** How the replica is frozen, if it is and has not been heard of. */
  errorOf(replica: ReplicaId): ErrorReport | undefined {
    return this.#frozen.get(replica)?.error
  }

  /** Of those that are frozen, none is let live any longer. */
  killFrozen(): void {
    for (const { which, error } of this.#frozen.values()) this.#options.kill(which, error)
  }

  end(): void {
    this.#awaited.clear()
    this.#options.done()
  }

  #thawed(replica: ReplicaId): void {
    this.#frozen.get(replica)?.cancel()
    this.#frozen.delete(replica)
  }

  /** A controller that was killed just before it started a replica has left word of it; nobody is to wait for it again. */
  #giveUp(): void {
    for (const replica of this.#awaited.keys()) this.#options.former?.forget(replica)
    this.end()
  }

  /** One that was about to leave may do so before it says anything. */
  async #look(): Promise<void> {
    const { former, clock } = this.#options
    if (former === undefined || this.#awaited.size === 0) return
    const living = new Set(await former.living())
    for (const replica of this.#awaited.keys()) if (!living.has(replica)) this.#awaited.delete(replica)
    this.#endIfComplete()
    clock.after(LOOK_MS, () => void this.#look())
  }

  #endIfComplete(): void {
    if (this.#awaited.size === 0 && this.#knowsTarget) this.end()
  }
}
