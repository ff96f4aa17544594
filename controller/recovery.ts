import type { Clock } from '../shared/clock.ts'
import type { DeploymentId, ReplicaId } from '../shared/ids.ts'
import type { Former } from './effects.ts'

/** So long a restarted controller that knows what shall run waits for the replicas of the one before it. */
const RECOVERY_MS = 5_000
/** How often it looks whether they still live. */
const LOOK_MS = 100

export interface RecoveryOptions {
  /** What a controller before this one has left; undefined: there was none. */
  readonly former: Omit<Former, 'applications'> | undefined
  readonly clock: Clock
  readonly done: () => void
}

/**
 * Ends once it is known both what shall run and who lives. Not to know the one is not to want nothing, and not to have
 * heard from a replica is not to have lost it: until then nobody is drained and nobody is started.
 */
export class Recovery {
  readonly #options: RecoveryOptions
  readonly #awaited: Map<ReplicaId, DeploymentId | undefined>
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

  /** Nobody is waited for. */
  get isOver(): boolean {
    return this.#awaited.size === 0
  }

  /** What shall run is known. */
  know(): void {
    if (!this.#knowsTarget) this.#options.clock.after(RECOVERY_MS, () => this.#giveUp())
    this.#knowsTarget = true
    this.#endIfComplete()
  }

  /** The replica lives. */
  heard(replica: ReplicaId): void {
    this.#awaited.delete(replica)
    this.#endIfComplete()
  }

  end(): void {
    this.#awaited.clear()
    this.#options.done()
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
