import { restartDelayMs, STABLE_MS } from '../shared/backoff.ts'
import type { Instant } from '../shared/clock.ts'
import type { ErrorReport } from '../shared/errors.ts'
import type { Random } from '../shared/ids.ts'
import type { Health } from '../shared/protocol.ts'
import { failuresOf, isUnhealthy, requestsOf } from './policy.ts'
import { type Event, type Failures, type ObservedDeployment, type ObservedReplica, revisionOf } from './state.ts'

/** As many as the reference shows. */
const DEAD = 10

/** Failures of so many revisions are remembered; of older ones nothing runs any more. */
const REMEMBERED = 16

export interface Chance {
  readonly now: Instant
  readonly random: Random
}

/** Of what a dead replica wrote at the end, so much is in the message of a status. */
const SHOWN_LINES = 5

/** How a process ended, and what it wrote at the end. */
type Exit = Pick<Event & { on: 'exited' }, 'error' | 'lastLines'>

/** A replica's process has ended. */
export function gone(d: ObservedDeployment, replica: ObservedReplica, exit: Exit, chance: Chance) {
  const next = bury(failed(d, replica, exit, chance), replica, exit, chance.now)
  const replicas = new Map(next.replicas)
  replicas.delete(replica.id)
  return { ...next, replicas }
}

/** One that becomes unhealthy is lost then, and not again when it has gone: its successor starts earlier. */
export function checked(
  d: ObservedDeployment,
  replica: ObservedReplica,
  health: Health,
  chance: Chance,
): ObservedDeployment {
  const { phase } = replica
  const next = { ...replica, health }
  const replicas = new Map(d.replicas).set(replica.id, next)
  if (phase.name !== 'running' || !isUnhealthy(next)) return { ...d, replicas }
  return { ...lost(d, replica, phase.since, { ...chance, lastError: health.error }), replicas }
}

type Revised = Pick<ObservedReplica, 'version' | 'config'>

/** A replica did not become ready, or did not take a config over. */
export function couldNotStart(d: ObservedDeployment, revised: Revised, lastError: ErrorReport, chance: Chance) {
  const { inARow, starts } = failuresOf(revised, d)
  return failure(d, revised, { ...chance, lastError, inARow: inARow + 1, starts: starts + 1 })
}

function failed(d: ObservedDeployment, replica: ObservedReplica, exit: Exit, chance: Chance): ObservedDeployment {
  const { phase } = replica
  switch (phase.name) {
    case 'draining':
      return d
    case 'running':
      return lost(d, replica, phase.since, { ...chance, livedMs: lifeThatCounts(d, replica, chance.now - phase.since) })
    case 'starting':
      // It had no time to say why, but may have written it.
      return couldNotStart(d, replica, { ...exit.error, message: exit.error.message + showLastLines(exit) }, chance)
    case 'failed':
      return couldNotStart(d, replica, phase.error, chance)
    case 'killed':
      if (phase.failed === undefined) return d
      return phase.since === undefined
        ? couldNotStart(d, replica, phase.failed, chance)
        : lost(d, replica, phase.since, { ...chance, lastError: phase.failed })
  }
}

interface Reason extends Chance {
  readonly lastError?: ErrorReport | undefined
  /** Of one that died by itself, of a good version. If that is longer than the delay, the delay would spare nothing. */
  readonly livedMs?: number
}

/** A version that has not been good yet is not in a hurry: something else serves, or nothing ever did. */
function lifeThatCounts({ reached }: ObservedDeployment, replica: ObservedReplica, ms: number): number {
  return reached?.revision === revisionOf(replica) ? ms : 0
}

/** It ran, and is not counted on any more. */
function lost(d: ObservedDeployment, replica: ObservedReplica, since: Instant, why: Reason): ObservedDeployment {
  if (isUnhealthy(replica)) return d
  const before = failuresOf(replica, d)
  const wasStable = why.now - since >= STABLE_MS
  const count = wasStable ? { inARow: 1, lost: 0 } : { inARow: before.inARow + 1, lost: before.lost + 1 }
  return failure(d, replica, { ...why, ...count })
}

function failure(
  d: ObservedDeployment,
  revised: Revised,
  { now, random, livedMs = 0, ...more }: Reason & Partial<Failures> & Pick<Failures, 'inARow'>,
): ObservedDeployment {
  const before = failuresOf(revised, d)
  const lastError = more.lastError ?? before.lastError
  const hasty = more.inARow === 1 ? 1 : before.hasty + 1
  const delayMs = restartDelayMs(hasty, random) - livedMs
  const wait = delayMs < 0 ? { hasty: 1, notBefore: now } : { hasty, notBefore: now + delayMs }
  const own = { ...before, ...more, lastError, ...wait }
  const others = [...d.failures].filter(([revision]) => revision !== revisionOf(revised)).slice(1 - REMEMBERED)
  return { ...d, failures: new Map([...others, [revisionOf(revised), own]]) }
}

function bury(d: ObservedDeployment, replica: ObservedReplica, exit: Exit, now: Instant): ObservedDeployment {
  const why = whyItEnded(replica, exit.error)
  if (why === undefined) return d
  const dead = { id: replica.id, reason: why.message, requestIds: requestsOf(replica, now), lastLines: exit.lastLines }
  return { ...d, dead: [...d.dead, dead].slice(-DEAD) }
}

/** Of a stack the place alone: what was thrown stands before it. */
export function showLastLines({ lastLines }: Pick<Exit, 'lastLines'>): string {
  const telling = lastLines.filter((line, i) => !isFrame(line) || !isFrame(lastLines[i - 1] ?? ''))
  return telling.length === 0 ? '' : `\nIts last lines:\n${telling.slice(-SHOWN_LINES).join('\n')}`
}

function isFrame(line: string): boolean {
  return /^\s+at /.test(line)
}

/** Undefined: it was not needed any more. */
function whyItEnded(replica: ObservedReplica, exit: ErrorReport): ErrorReport | undefined {
  const { phase, health } = replica
  switch (phase.name) {
    case 'draining':
      return isUnhealthy(replica) ? health.error : undefined
    case 'failed':
      return phase.error
    case 'killed':
      return phase.failed ?? exit
    case 'starting':
    case 'running':
      return exit
  }
}
