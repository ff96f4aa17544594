import type { At } from '../shared/build.ts'
import { Builds } from '../shared/builds.ts'
import { applicationsOf, targetOf } from '../shared/config/applications.ts'
import type { ServeConfig } from '../shared/config/schema.ts'
import type { Controller } from './controller.ts'

export interface DeclarationsOptions extends At {
  /** From where relative directories count. */
  readonly workingDir: string
  readonly controller: Pick<Controller, 'apply'>
  /** What is declared could not be built, or not written down. */
  readonly problem: (error: unknown) => void
}

/** What clients declare, on its way to being wanted; what is declared later takes the place of what was before. */
export class Declarations {
  readonly #options: DeclarationsOptions
  #builds: Builds | undefined

  constructor(options: DeclarationsOptions) {
    this.#options = options
  }

  /**
   * Returns before anything is built; what runs goes on meanwhile.
   * @throws ServeError `checkpoint_failed`
   */
  declare(config: ServeConfig): void {
    this.kill()
    const { controller, workingDir, problem } = this.#options
    const builds = new Builds(applicationsOf(config, workingDir), this.#options)
    this.#builds = builds
    controller.apply(targetOf(config, builds.applications))
    const applied = async (name: string) => {
      const failure = await builds.resultOf(name).then(
        () => undefined,
        (error: unknown) => ({ error }),
      )
      if (this.#builds !== builds) return
      if (failure !== undefined) problem(failure.error)
      controller.apply(targetOf(config, builds.applications))
    }
    for (const { name } of builds.applications) applied(name).catch(problem)
  }

  /** Forgets what is being built. */
  kill(): void {
    this.#builds?.kill()
    this.#builds = undefined
  }
}
