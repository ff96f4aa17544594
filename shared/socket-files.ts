import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Session } from './session.ts'

/** Removes a socket file that nobody serves any more. */
export function removeSocket(path: string): void {
  rmSync(path, { force: true })
}

/** For the last one to leave: those who were killed have left theirs. */
export function removeSockets({ directory }: Session): void {
  for (const file of readdirSync(directory)) if (file.endsWith('.sock')) removeSocket(join(directory, file))
}
