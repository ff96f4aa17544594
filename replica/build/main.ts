/**
 * The build process: reads on file descriptor 3 what to load, says there what is in it, and leaves, whatever the user's
 * module has left running. User code never runs in the launcher or the controller.
 */
import { readFileSync, writeSync } from 'node:fs'
import type { BuildRequest } from '../../shared/build.ts'
import { type ErrorReport, report } from '../../shared/errors.ts'
import { tieTo } from '../../shared/lifeline.ts'
import { lifelineSocket } from '../../shared/session.ts'
import { isLaunched } from '../../shared/settings.ts'
import { describeApplication } from '../application.ts'
import { loadApplication, loadConfig } from '../load.ts'
import { followLoads, versionOf } from './sources.ts'

const PIPE_FD = 3
const request = JSON.parse(readFileSync(PIPE_FD, 'utf8')) as BuildRequest

function finish(result: { readonly found: unknown } | { readonly error: ErrorReport }): never {
  const bytes = Buffer.from(JSON.stringify(result))
  for (let written = 0; written < bytes.length; ) written += writeSync(PIPE_FD, bytes, written)
  process.exit(0)
}

async function load(): Promise<unknown> {
  switch (request.load) {
    case 'application': {
      const { build } = request
      const loaded = followLoads()
      const application = describeApplication(await loadApplication(build), build.overrides)
      return { ...application, codeVersion: versionOf(loaded(), build.workingDir) }
    }
    case 'config': {
      const { configFromCode } = await import('../../shared/config/parse.ts')
      return configFromCode(await loadConfig(request.file, request.workingDir), request.file)
    }
  }
}

process.on('uncaughtException', (error) => finish({ error: { ...report(error), code: 'module_failed' } }))

if (isLaunched(process.env)) {
  const directory = process.env['BATOID_SESSION_DIR'] ?? ''
  await tieTo(lifelineSocket({ directory }), process.pid, () => process.exit(1))
}
try {
  finish({ found: await load() })
} catch (error) {
  finish({ error: report(error) })
}
