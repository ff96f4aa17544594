import { systemClock } from '../shared/clock.ts'
import { ServeError } from '../shared/errors.ts'
import { CONTROLLER_GRACE_MS, EXIT_GRACE_MS, PROXY_GRACE_MS } from '../shared/leaving.ts'
import { isAlive } from '../shared/members.ts'
import type { Environment } from '../shared/variables.ts'
import { Client, type Whereabouts } from './client.ts'
import { cliLine, SOURCE } from './prefix.ts'
import { makeSure } from './sure.ts'

/** As long as a launcher takes at most, and what a busy machine adds. */
const LONGEST_MS = PROXY_GRACE_MS + CONTROLLER_GRACE_MS + 2 * EXIT_GRACE_MS + 10_000
const LOOK_MS = 50

export type ShutdownFlags = Whereabouts & { readonly yes?: true }

/** Ends a cluster: its applications first, which may take the time that they have; then its processes. */
export async function shutdown({ yes, ...where }: ShutdownFlags, env: Environment): Promise<void> {
  const client = clientAt(where, env)
  const { address } = client
  await client.details().catch((error: unknown) => noInstance(address, error))
  const what = `This will shut down Serve on the cluster at address "${address}" and delete all applications there.`
  if (yes !== true) await makeSure(what)
  await client.deleteAll()
  say('Sent shutdown request; all applications are deleted.')
  const { launcherPid } = await client.end()
  // A pid means nothing but on the machine of the cluster, which the one of an address need not be.
  const isLeft = async () => (await client.isThere()) || (where.address === undefined && isAlive(launcherPid))
  const deadline = systemClock.now() + LONGEST_MS
  while (await isLeft()) {
    if (systemClock.now() > deadline) throw notEnded(address, launcherPid)
    await new Promise<void>((resolve) => void systemClock.after(LOOK_MS, resolve))
  }
  say(`The cluster at "${address}" has ended.`)
}

function clientAt(where: Whereabouts, env: Environment): Client {
  try {
    return new Client(where, env)
  } catch (error) {
    return noInstance(undefined, error)
  }
}

/** @throws ServeError as the reference says it, where there is no cluster */
function noInstance(address: string | undefined, error: unknown): never {
  if (!(error instanceof ServeError) || error.code !== 'no_cluster') throw error
  const where = address === undefined ? '' : ` on the cluster at ${address}`
  throw new ServeError('no_cluster', `No Serve instance found running${where}: ${error.message}`)
}

function notEnded(address: string, pid: number): ServeError {
  const seconds = LONGEST_MS / 1000
  return new ServeError(
    'channel_timeout',
    `the cluster at ${address} was asked to end, but has not within ${seconds} s: see its logs, or end its launcher (pid ${pid} there) with SIGKILL`,
  )
}

function say(text: string): void {
  console.log(cliLine('INFO', SOURCE, text, Date.now()))
}
