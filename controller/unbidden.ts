import { type At, plainBuild, startConfigBuild } from '../shared/build.ts'
import { Builds } from '../shared/builds.ts'
import { configKind, readConfigFile } from '../shared/config/file.ts'
import { parseConfig } from '../shared/config/parse.ts'
import type { ServeConfig } from '../shared/config/schema.ts'
import type { Controller } from './controller.ts'
import type { Declarations } from './declarations.ts'

export interface Unbidden extends At {
  /** An import path or a configuration. */
  readonly what: string
  readonly workingDir: string
  readonly controller: Pick<Controller, 'deploy'>
  readonly declarations: Declarations
  /** Something of it does not run. */
  readonly problem: (error: unknown) => void
  /** What is to be killed if the controller leaves meanwhile. */
  readonly started: (build: { kill(): void }) => void
}

/**
 * Deploys what the environment names, where no launcher deploys. Rejects, after `problem` was told, if nothing of it
 * can run.
 */
export async function deployUnbidden(order: Unbidden): Promise<void> {
  const config = await configOf(order).catch((error: unknown) => {
    order.problem(error)
    throw error
  })
  if (config === undefined) return await deployAlone(order)
  const problems = await order.declarations.declare(config)
  if (problems.length > 0 && problems.length === config.applications.length) throw problems[0]
}

async function deployAlone(order: Unbidden): Promise<void> {
  const { what: importPath, workingDir, controller } = order
  const name = 'default'
  const builds = new Builds([plainBuild({ importPath, workingDir, name, routePrefix: '/' })], order)
  order.started(builds)
  try {
    controller.deploy(await builds.resultOf(name))
  } catch (error) {
    order.problem(error)
    throw error
  }
}

async function configOf({ what, workingDir, started, ...at }: Unbidden): Promise<ServeConfig | undefined> {
  switch (configKind(what)) {
    case undefined:
      return undefined
    case 'text':
      return parseConfig(readConfigFile(what, workingDir), what)
    case 'code': {
      const build = startConfigBuild(what, { ...at, workingDir })
      started(build)
      return await build.result
    }
  }
}
