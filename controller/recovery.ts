import type { Clock } from '../shared/clock.ts'
import type { DeploymentId, ReplicaId } from '../shared/ids.ts'
import type { Which } from './effects.ts'

/** So long a restarted controller that knows what shall run waits for the replicas of the one before it. */
const RECOVERY_MS = 5_000

/**
 * Ends once it is known both what shall run and who lives. Not to know the one is not to want nothing, and not to have
 * heard from a replica is not to have lost it: until then nobody is drained and nobody is started.
 */
export class Recovery {
  readonly #awaited: Map<ReplicaId, DeploymentId>
  readonly #clock: Clock
  readonly #done: () => void
  #knowsTarget = false

  constructor({ replicas, clock, done }: { replicas: readonly Which[]; clock: Clock; done: () => void }) {
    this.#awaited = new Map(replicas.map(({ replica, deployment }) => [replica, deployment]))
    this.#clock = clock
    this.#done = done
  }

  get knowsTarget(): boolean {
    return this.#knowsTarget
  }

  /** The deployments of the replicas that have not been heard of yet, one for each. */
  get awaited(): readonly DeploymentId[] {
    return [...this.#awaited.values()]
  }

  /** What shall run is known. */
  know(): void {
    if (!this.#knowsTarget) this.#clock.after(RECOVERY_MS, () => this.end())
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
    this.#done()
  }

  #endIfComplete(): void {
    if (this.#awaited.size === 0 && this.#knowsTarget) this.end()
  }
}
