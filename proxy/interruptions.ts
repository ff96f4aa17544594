import type { Clock } from '../shared/clock.ts'
import type { DeploymentId, ReplicaId } from '../shared/ids.ts'
import type { Interruption } from '../shared/protocol.ts'

/** The requests of a replica that dies end within one turn of the loop, and are told of together. */
const GATHER_MS = 50

/** Of one replica so many are told; the first ones, since those that follow were retries. */
const MOST = 20

/** Tells which requests replicas had when they were lost. Costs nothing as long as none is. */
export class Interruptions {
  readonly #clock: Clock
  readonly #tell: (interruption: Interruption) => void
  readonly #gathered = new Map<ReplicaId, string[]>()

  constructor(clock: Clock, tell: (interruption: Interruption) => void) {
    this.#clock = clock
    this.#tell = tell
  }

  add(deployment: DeploymentId, replica: ReplicaId, requestId: string): void {
    const gathered = this.#gathered.get(replica)
    if (gathered !== undefined) {
      if (gathered.length < MOST) gathered.push(requestId)
      return
    }
    const requestIds = [requestId]
    this.#gathered.set(replica, requestIds)
    this.#clock.after(GATHER_MS, () => {
      this.#gathered.delete(replica)
      this.#tell({ type: 'interrupted', deployment, replica, requestIds })
    })
  }
}
