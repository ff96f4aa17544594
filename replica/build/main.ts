/**
 * The build process: loads the user's module, says on file descriptor 3 what the application consists of, and leaves,
 * whatever the module has left running. User code never runs in the launcher or the controller.
 */
import { writeSync } from 'node:fs'
import { report } from '../../shared/errors.ts'
import { tieTo } from '../../shared/lifeline.ts'
import { lifelineSocket } from '../../shared/session.ts'
import { isLaunched } from '../../shared/settings.ts'
import { describeApplication } from '../application.ts'
import { loadApplication } from '../load.ts'

const [importPath = '', workingDir = process.cwd()] = process.argv.slice(2)
const RESULT_FD = 3

function finish(result: unknown): never {
  writeSync(RESULT_FD, JSON.stringify(result))
  process.exit(0)
}

process.on('uncaughtException', (error) => finish({ error: { ...report(error), code: 'module_failed' } }))

if (isLaunched(process.env)) {
  const directory = process.env['BATOID_SESSION_DIR'] ?? ''
  await tieTo(lifelineSocket({ directory }), process.pid, () => process.exit(1))
}
try {
  finish(describeApplication(await loadApplication(importPath, workingDir)))
} catch (error) {
  finish({ error: report(error) })
}
