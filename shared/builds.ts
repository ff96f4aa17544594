import { type At, type Build, type BuildProcess, startBuild } from './build.ts'
import type { DeclaredApplication } from './declaration.ts'
import { ServeError, report } from './errors.ts'
import type { ApplicationSpec } from './protocol.ts'

/** More would only make each other late. */
const MAX_AT_ONCE = 4

/** The applications of a configuration, on their way to what can be run: each in a process of its own, a few at once. */
export class Builds {
  readonly #at: At
  readonly #processes = new Set<BuildProcess<ApplicationSpec>>()
  readonly #results = new Map<string, Promise<ApplicationSpec>>()
  readonly #applications = new Map<string, DeclaredApplication>()
  #isOver = false

  constructor(declared: readonly Build[], at: At) {
    this.#at = at
    const results: Promise<ApplicationSpec>[] = []
    for (const [index, build] of declared.entries()) {
      this.#applications.set(build.name, { name: build.name, build: { state: 'building' } })
      const result = this.#follow(build, results[index - MAX_AT_ONCE])
      result.catch(() => undefined)
      results.push(result)
      this.#results.set(build.name, result)
    }
  }

  /** How far each is. */
  get applications(): readonly DeclaredApplication[] {
    return [...this.#applications.values()]
  }

  /** @throws ServeError with what is wrong with the user's module */
  async resultOf(name: string): Promise<ApplicationSpec> {
    const result = this.#results.get(name)
    if (result === undefined) throw new ServeError('internal', `application '${name}' is not being built`)
    return await result
  }

  kill(): void {
    this.#isOver = true
    for (const build of this.#processes) build.kill()
  }

  async #follow(declared: Build, before: Promise<ApplicationSpec> | undefined): Promise<ApplicationSpec> {
    const { name } = declared
    try {
      const spec = await this.#build(declared, before)
      this.#applications.set(name, { name, build: { state: 'built', spec } })
      return spec
    } catch (error) {
      this.#applications.set(name, { name, build: { state: 'failed', error: report(error) } })
      throw error
    }
  }

  async #build(declared: Build, before: Promise<ApplicationSpec> | undefined): Promise<ApplicationSpec> {
    await before?.catch(() => undefined)
    if (this.#isOver) throw new ServeError('module_failed', `application '${declared.name}' is not built any more`)
    const process = startBuild(declared, this.#at)
    this.#processes.add(process)
    return await process.result.finally(() => this.#processes.delete(process))
  }
}
