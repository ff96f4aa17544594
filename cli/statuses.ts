import type { Status } from '../shared/protocol.ts'
import type { ApplicationStatus } from '../shared/statuses.ts'

const NOTHING: Status = { type: 'status', proxies: 0, applications: [] }

/** What the controller said last of the cluster, and who waits for it to say something else. */
export class Statuses {
  #last = NOTHING
  readonly #waiting = new Set<() => void>()

  heard(status: Status): void {
    this.#last = status
    for (const look of this.#waiting) look()
  }

  /** The controller has gone: nothing of what it said needs to hold any more. */
  forget(): void {
    this.#last = NOTHING
  }

  /** Resolves with the first status of which it holds. */
  until(holds: (status: Status) => boolean): Promise<Status> {
    return new Promise((resolve) => {
      const look = () => {
        if (!holds(this.#last)) return
        this.#waiting.delete(look)
        resolve(this.#last)
      }
      this.#waiting.add(look)
      look()
    })
  }
}

export function statusIn({ applications }: Status, name: string): ApplicationStatus | undefined {
  return applications.find((application) => application.name === name)
}

/** It has become of it what it will. */
export function isSettled(application: ApplicationStatus | undefined): boolean {
  return application?.status === 'RUNNING' || application?.status === 'DEPLOY_FAILED'
}
