import type { At, Build } from '../shared/build.ts'
import { Builds } from '../shared/builds.ts'
import { applicationsOf, buildsOf, declarationFrom } from '../shared/config/applications.ts'
import type { ServeConfig } from '../shared/config/schema.ts'
import type { Controller } from './controller.ts'
import { type DesiredState, unfinished } from './target.ts'

/** A disk that was full may have room again. */
const RETRY_MS = 1_000

export interface DeclarationsOptions extends At {
  /** From where relative directories count. */
  readonly workingDir: string
  readonly controller: Pick<Controller, 'apply' | 'built'>
  readonly newId: () => string
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
   * Has written down what is declared when it returns. Resolves once all of it has been built, with what went wrong; what
   * runs goes on meanwhile.
   * @throws ServeError `checkpoint_failed` or `shutting_down`; nothing is changed then
   */
  declare(config: ServeConfig): Promise<readonly unknown[]> {
    const { controller, workingDir, newId } = this.#options
    const id = newId()
    const declared = applicationsOf(config, workingDir)
    const applications = declared.map(({ name }) => ({ name, build: { state: 'building' } as const }))
    controller.apply(declarationFrom(config, id, applications))
    return this.#build(id, declared)
  }

  /** Goes on with what the controller before this one was building when it died. */
  resume(state: DesiredState): Promise<readonly unknown[]> {
    const names = unfinished(state)
    const { id, applications } = state.declared
    const awaited = applications.filter(({ name }) => names.includes(name))
    return this.#build(id, buildsOf(awaited, state.loggingConfig, this.#options.workingDir))
  }

  /** Forgets what is being built. */
  kill(): void {
    this.#builds?.kill()
    this.#builds = undefined
  }

  async #build(id: string, declared: readonly Build[]): Promise<readonly unknown[]> {
    this.kill()
    const builds = new Builds(declared, this.#options)
    this.#builds = builds
    const problems = await Promise.all(
      declared.map(async ({ name }): Promise<unknown[]> => {
        const failure = await builds.resultOf(name).then(
          () => [],
          (error: unknown) => [error],
        )
        if (this.#builds !== builds) return []
        for (const error of failure) this.#options.problem(error)
        this.#tell(id, name, builds)
        return failure
      }),
    )
    return problems.flat()
  }

  #tell(id: string, name: string, builds: Builds): void {
    if (this.#builds !== builds) return
    const { controller, problem, clock } = this.#options
    try {
      controller.built({ id, applications: builds.applications.filter((one) => one.name === name) })
    } catch (error) {
      problem(error)
      clock.after(RETRY_MS, () => this.#tell(id, name, builds))
    }
  }
}
