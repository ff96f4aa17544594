import type { Instant } from '../shared/clock.ts'
import { type DeploymentId, showDeployment, showReplica } from '../shared/ids.ts'
import type { ErrorReport } from '../shared/errors.ts'
import { UNHEALTHY_AFTER } from '../shared/health.ts'
import type { Health } from '../shared/protocol.ts'
import type { Deployed } from './applications.ts'
import type { Which } from './effects.ts'
import { failuresOf, isUnhealthy, requestsOf } from './policy.ts'
import { showSlow } from './slow.ts'
import {
  type Action,
  type Desired,
  type Event,
  type Observed,
  type ObservedReplica,
  revisionOf,
  unseen,
} from './state.ts'
import type { DesiredState } from './target.ts'

/** What the controller logs, in Ray's words where Ray has them. */
export interface Line {
  readonly level: 'info' | 'warning' | 'error'
  readonly text: string
  /** Not shown on the terminal. */
  readonly fileOnly?: boolean
}

export function ofDeploy(before: Desired, after: Desired): Line[] {
  return [...after].flatMap(([id, wanted]) =>
    before.has(id) && revisionOf(wanted) === revisionOf(before.get(id) ?? wanted)
      ? []
      : [info(`Deploying new version of ${showDeployment(id)} (initial target replicas: ${wanted.targetReplicas}).`)],
  )
}

export function ofRestore({ applications }: DesiredState): Line[] {
  return applications.map(({ spec }) => info(`Recovering target state for application '${spec.name}' from checkpoint.`))
}

/** null counts as all of it. */
export function ofCapacity(before: DesiredState, after: DesiredState): Line[] {
  const [from, to] = [before.targetCapacity ?? 100, after.targetCapacity ?? 100]
  if (from === to) return []
  const scaling = info(`Target capacity scaling ${from < to ? 'up' : 'down'} from ${asFloat(from)} to ${asFloat(to)}.`)
  return after.targetCapacity === null ? [scaling, info('Target capacity entering 100% at steady state.')] : [scaling]
}

/** As Python prints it. */
const asFloat = (value: number): string => (Number.isInteger(value) ? value.toFixed(1) : String(value))

/** What is no longer as it was deployed, but as it was before. */
export function ofReturns(before: readonly Deployed[], after: readonly Deployed[]): Line[] {
  return after.flatMap(({ spec, rolledBack = '' }, i) =>
    spec === before[i]?.spec
      ? []
      : [failure(`Application '${spec.name}' returns to the last version that was good. ${rolledBack}`)],
  )
}

/** `observed` is the state in which the actions are recorded. */
export function ofActions(actions: readonly Action[], observed: Observed): Line[] {
  const deployments = new Set(actions.map(({ deployment }) => deployment))
  return [...deployments].flatMap((id) => {
    const own = actions.filter(({ deployment }) => deployment === id)
    const count = (kind: Action['do']) => own.filter((action) => action.do === kind).length
    return [
      ...sum('Adding', count('spawn'), 'to', id),
      ...updating(count('reconfigure'), id),
      ...sum('Removing', count('drain'), 'from', id),
      ...own.flatMap((action) => single(action, observed)),
    ]
  })
}

function sum(verb: string, count: number, preposition: string, id: DeploymentId): Line[] {
  if (count === 0) return []
  return [info(`${verb} ${count} replica${count > 1 ? 's' : ''} ${preposition} ${showDeployment(id)}.`)]
}

/** Always in the plural, as Ray has it. */
function updating(count: number, id: DeploymentId): Line[] {
  return count === 0
    ? []
    : [info(`Updating ${count} replicas of ${showDeployment(id)} with outdated deployment configs.`)]
}

function single(action: Action, observed: Observed): Line[] {
  const { deployment } = action
  switch (action.do) {
    case 'spawn':
      return [{ ...info(`Starting ${showReplica(deployment, action.replica)}.`), fileOnly: true }]
    case 'reconfigure':
      return [{ ...info(`Updating ${showReplica(deployment, action.replica)}.`), fileOnly: true }]
    case 'drain': {
      const replica = observed.get(deployment)?.replicas.get(action.replica)
      const shown = showReplica(deployment, action.replica)
      // The word twice, as Ray has it.
      return replica !== undefined && isUnhealthy(replica)
        ? [warning(`Replica ${shown} failed health check, stopping it.`)]
        : [{ ...info(`Stopping ${shown}.`), fileOnly: true }]
    }
    case 'kill': {
      const phase = observed.get(deployment)?.replicas.get(action.replica)?.phase
      const shown = showReplica(deployment, action.replica)
      const reason = phase?.name === 'killed' ? phase.failed : undefined
      return [
        reason === undefined
          ? info(`${shown} did not shut down after grace period, force-killing it.`)
          : { level: 'error', text: `${shown} is killed: ${withStack(reason)}` },
      ]
    }
    case 'reach':
      return []
    case 'wait':
      return action.replicas === 0 ? [] : [waiting(deployment, action.replicas)]
    case 'warn':
      return action.slow === undefined ? [] : showSlow(deployment, action.slow).map(warning)
    case 'forget':
      return []
  }
}

function waiting(deployment: DeploymentId, replicas: number): Line {
  return {
    level: 'warning',
    text:
      `${showDeployment(deployment)} has ${replicas} replicas that wait to be scheduled: the resources that they ask ` +
      'for are not free, or no more are allowed. Lower rayActorOptions of the deployment, or raise --num-cpus, ' +
      '--num-gpus or maxReplicasPerNode.',
  }
}

/** `observed` is the state before the event. */
export function ofEvent(event: Event, observed: Observed, desired: Desired, now: Instant): Line[] {
  if (event.on === 'found') return [info(`Recovering ${showReplica(event.deployment, event.found.id)}.`)]
  const replica = observed.get(event.deployment)?.replicas.get(event.replica)
  const shown = showReplica(event.deployment, event.replica)
  if (event.on === 'interrupted') {
    const isDead = observed.get(event.deployment)?.dead.some(({ id }) => id === event.replica)
    return isDead === true ? served(shown, event.requestIds) : []
  }
  if (replica === undefined) return []
  switch (event.on) {
    case 'running':
      return [{ ...info(`${shown} started successfully.`), fileOnly: true }]
    case 'failed': {
      // The same failure of the next replica would fill the terminal with the same stack.
      const { lastError } = failuresOf(replica, observed.get(event.deployment) ?? unseen)
      const isNew = lastError?.message !== event.error.message
      const detail = isNew ? (event.error.stack ?? event.error.message) : event.error.message
      const rest = left(event.deployment, observed, desired)
      return [{ level: 'error', text: `Exception in ${shown}, the replica will be stopped.\n${detail}${rest}` }]
    }
    case 'reconfigured':
      return [{ ...info(`${shown} goes on with its new config.`), fileOnly: true }]
    case 'not reconfigured':
      return [refusal(shown, event.error, left(event.deployment, observed, desired))]
    case 'checked':
      return health(shown, replica.health, event.health)
    case 'frozen': {
      const what = replica.frozen === undefined ? 'gets no requests for now' : 'still gets no requests'
      return [{ ...warning(`${shown} ${what}: ${withStack(event.error)}`), fileOnly: true }]
    }
    case 'thawed':
      return [{ ...info(`${shown} is not frozen any more.`), fileOnly: true }]
    case 'leaving':
      return []
    case 'exited':
      return ofEnd(event, replica, now)
  }
}

/** A replica that a restarted controller has not heard of is killed. */
export function ofUnheard({ deployment, replica }: Which, error: ErrorReport): Line {
  const shown = showReplica(deployment, replica)
  return failure(`${shown} of a former controller has not been heard of and is killed: ${withStack(error)}`)
}

function ofEnd(event: Event & { on: 'exited' }, replica: ObservedReplica, now: Instant): Line[] {
  const shown = showReplica(event.deployment, event.replica)
  const { name } = replica.phase
  const isExpected = name === 'draining' || name === 'killed' || name === 'failed'
  const requests = name === 'draining' ? [] : served(shown, requestsOf(replica, now))
  if (isExpected) return [info(`${shown} is stopped.`), ...requests]
  return [warning(`${shown} died: ${event.error.message}.`), ...requests, ...ending(shown, event.lastLines)]
}

function served(shown: string, requestIds: readonly string[]): Line[] {
  return requestIds.length === 0 ? [] : [warning(`${shown} was serving when it ended: ${requestIds.join(', ')}.`)]
}

function health(shown: string, before: Health, { failures, error }: Health): Line[] {
  if (failures === before.failures) return []
  if (failures === 0) return [info(`${shown} passed the health check after ${before.failures} consecutive failures.`)]
  // One stack is enough for as long as it goes on.
  const detail = failures === 1 ? (error?.stack ?? error?.message) : error?.message
  const failed = warning(`Health check for ${shown} failed: ${detail ?? 'unknown'}`)
  const text = `Replica ${shown} failed the health check ${failures} times in a row, marking it unhealthy.`
  return failures === UNHEALTHY_AFTER ? [failed, warning(text)] : [failed]
}

function withStack({ message, stack }: ErrorReport): string {
  return stack === undefined ? `${message}.` : `${message}.\n${stack}`
}

/** Those who watched the terminal have seen them. */
function ending(shown: string, lastLines: readonly string[]): Line[] {
  if (lastLines.length === 0) return []
  return [{ ...info(`The last lines of ${shown}:\n${lastLines.join('\n')}`), fileOnly: true }]
}

function refusal(shown: string, { message, stack }: ErrorReport, rest: string): Line {
  const text = `${shown} goes on with its old config, since it could not take the new one over.`
  return { level: 'error', text: `${text}\n${stack ?? message}${rest}` }
}

function left(id: DeploymentId, observed: Observed, desired: Desired): string {
  const wanted = desired.get(id)
  const seen = observed.get(id)
  if (wanted === undefined || seen === undefined || seen.ranRevision === revisionOf(wanted)) return ''
  const retries = wanted.maxStartFailures - failuresOf(wanted, seen).starts - 1
  return retries > 0 ? `\nRetrying ${retries} more time(s).` : ''
}

function failure(text: string): Line {
  return { level: 'error', text }
}

function warning(text: string): Line {
  return { level: 'warning', text }
}

function info(text: string): Line {
  return { level: 'info', text }
}
