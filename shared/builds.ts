import { type At, type Build, type BuildProcess, startBuild } from './build.ts'
import { ServeError, report } from './errors.ts'
import type { ApplicationSpec, TargetApplication } from './protocol.ts'

/** The applications of a configuration, on their way to what can be run: each in a process of its own, all at once. */
export class Builds {
  readonly #processes: ReadonlyMap<string, BuildProcess<ApplicationSpec>>
  readonly #results: ReadonlyMap<string, Promise<ApplicationSpec>>
  readonly #applications: Map<string, TargetApplication>

  constructor(declared: readonly Build[], at: At) {
    this.#applications = new Map(declared.map(({ name }) => [name, { name, build: { state: 'building' } }]))
    this.#processes = new Map(declared.map((build) => [build.name, startBuild(build, at)]))
    this.#results = new Map(Array.from(this.#processes, ([name, { result }]) => [name, this.#follow(name, result)]))
    for (const result of this.#results.values()) result.catch(() => undefined)
  }

  /** How far each is. */
  get applications(): readonly TargetApplication[] {
    return [...this.#applications.values()]
  }

  /** @throws ServeError with what is wrong with the user's module */
  async resultOf(name: string): Promise<ApplicationSpec> {
    const result = this.#results.get(name)
    if (result === undefined) throw new ServeError('internal', `application '${name}' is not being built`)
    return await result
  }

  kill(): void {
    for (const build of this.#processes.values()) build.kill()
  }

  async #follow(name: string, result: Promise<ApplicationSpec>): Promise<ApplicationSpec> {
    try {
      const spec = await result
      this.#applications.set(name, { name, build: { state: 'built', spec } })
      return spec
    } catch (error) {
      this.#applications.set(name, { name, build: { state: 'failed', error: report(error) } })
      throw error
    }
  }
}
