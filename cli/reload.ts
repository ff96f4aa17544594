import { randomUUID } from 'node:crypto'
import { systemClock } from '../shared/clock.ts'
import type { Log } from '../shared/log.ts'
import type { Session } from '../shared/session.ts'
import { complain } from './complain.ts'
import type { Plan } from './plan.ts'
import type { Run } from './run.ts'
import { watchSources } from './source-watcher.ts'

export const FAILED = 'Deploying the latest version of the application failed.'

export interface Reloading {
  readonly cluster: Run
  /** Until it settles, changes wait. */
  readonly started: Promise<unknown>
  readonly session: Session
  readonly directory: string
  readonly plan: () => Promise<Plan>
  readonly log: Log
}

/** Deploys anew whenever a source changes. What is broken changes nothing of what runs. Returns how to end it. */
export function reloading({ cluster, started, session, directory, plan, log }: Reloading): () => void {
  const reload = async () => {
    await started
    const { applications, orders } = await plan()
    const codeVersion = randomUUID()
    await cluster.reload({ applications: applications.map((one) => ({ ...one, codeVersion })), orders })
  }
  return watchSources({
    directory,
    except: session.directory,
    clock: systemClock,
    problem: (text) => log.error(text),
    changed: (files) => {
      log.info(`Detected a change of ${files.join(', ')}. Redeploying.`)
      reload().catch((error: unknown) => {
        complain(error)
        log.error(FAILED)
      })
    },
  })
}
