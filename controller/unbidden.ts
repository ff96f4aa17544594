import { type At, plainBuild, startConfigBuild } from '../shared/build.ts'
import { Builds } from '../shared/builds.ts'
import { applicationsOf, targetOf } from '../shared/config/applications.ts'
import { configKind, readConfigFile } from '../shared/config/file.ts'
import { parseConfig } from '../shared/config/parse.ts'
import type { ServeConfig } from '../shared/config/schema.ts'
import type { Controller } from './controller.ts'

export interface Unbidden extends At {
  /** An import path or a configuration. */
  readonly what: string
  readonly workingDir: string
  readonly controller: Pick<Controller, 'deploy' | 'apply'>
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
  const { what, workingDir, controller } = order
  const config = await configOf(order).catch((error: unknown) => {
    order.problem(error)
    throw error
  })
  const declared =
    config === undefined
      ? [plainBuild({ importPath: what, workingDir, name: 'default', routePrefix: '/' })]
      : applicationsOf(config, workingDir)
  const builds = new Builds(declared, order)
  order.started(builds)
  const problems = await Promise.all(
    declared.map(async ({ name }) => {
      const result = await builds.resultOf(name).then(
        (spec) => ({ spec }),
        (error: unknown) => ({ error }),
      )
      if (config !== undefined) controller.apply(targetOf(config, builds.applications))
      else if ('spec' in result) controller.deploy(result.spec)
      return 'error' in result ? result : undefined
    }),
  )
  const failed = problems.filter((problem) => problem !== undefined)
  for (const { error } of failed) order.problem(error)
  if (failed[0] !== undefined && failed.length === declared.length) throw failed[0].error
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
