import { type DeploymentId, deploymentId } from '../shared/ids.ts'
import type { ApplicationSpec } from '../shared/protocol.ts'
import type { ApplicationStatus } from '../shared/statuses.ts'

/** An application that shall run, and what is remembered of it: what the checkpoint holds. */
export interface Deployed {
  readonly spec: ApplicationSpec
  /** Whether it was deployed by itself, or as a part of all that shall run, and leaves when that no longer names it. */
  readonly source: Source
  /** Unix time, in seconds. */
  readonly lastDeployedTimeS: number
  /** What ran as it was wanted when last anything did; the same object as `spec` if that does. */
  readonly lastGood: ApplicationSpec | undefined
  /** Why `spec` is what was good before and not what was deployed; undefined: it is. */
  readonly rolledBack: string | undefined
}

export const SOURCES = ['imperative', 'declarative'] as const
export type Source = (typeof SOURCES)[number]

export interface Deploying {
  readonly source: Source
  readonly nowS: number
}

/** With the application, in the place of the one of that name. What is deployed already as it is stays as it is. */
export function withApplication(
  all: readonly Deployed[],
  spec: ApplicationSpec,
  { source, nowS }: Deploying,
): readonly Deployed[] {
  const before = all.find((one) => one.spec.name === spec.name)
  const isSame = before !== undefined && before.rolledBack === undefined && isEqual(before.spec, spec)
  const next: Deployed = isSame
    ? { ...before, source }
    : { spec, source, lastDeployedTimeS: nowS, lastGood: before?.lastGood, rolledBack: undefined }
  return before === undefined ? [...all, next] : all.map((one) => (one === before ? next : one))
}

export function without(all: readonly Deployed[], names: readonly string[]): readonly Deployed[] {
  return all.filter(({ spec }) => !names.includes(spec.name))
}

/** Undefined: there is no such deployment. */
export function withReplicas(
  all: readonly Deployed[],
  id: DeploymentId,
  numReplicas: number,
): readonly Deployed[] | undefined {
  const next = all.map((one) => ({ ...one, spec: scaled(one.spec, id, numReplicas) }))
  return next.every(({ spec }, i) => spec === all[i]?.spec) ? undefined : next
}

function scaled(spec: ApplicationSpec, id: DeploymentId, numReplicas: number): ApplicationSpec {
  if (!idsOf(spec).includes(id)) return spec
  const deployments = spec.deployments.map((deployment) =>
    deploymentId({ application: spec.name, deployment: deployment.name }) === id
      ? { ...deployment, options: { ...deployment.options, numReplicas } }
      : deployment,
  )
  return { ...spec, deployments }
}

/**
 * What follows from how it has turned out: what runs as it is wanted is good, and what does not is exchanged, if it
 * asks for that, for what was good before. That may fail as well; it is then what is wanted, and is left as it is.
 */
export function settled(
  deployed: Deployed,
  { status, message }: Pick<ApplicationStatus, 'status' | 'message'>,
): Deployed {
  const { spec, lastGood } = deployed
  if (lastGood === spec) return deployed
  if (status === 'RUNNING') return { ...deployed, lastGood: spec }
  const mayReturn = status === 'DEPLOY_FAILED' && spec.rollback && lastGood !== undefined
  return mayReturn ? { ...deployed, spec: lastGood, rolledBack: message } : deployed
}

/** The same, if nothing follows for any. */
export function allSettled(
  all: readonly Deployed[],
  statuses: readonly Pick<ApplicationStatus, 'name' | 'status' | 'message'>[],
): readonly Deployed[] {
  const byName = new Map(statuses.map((status) => [status.name, status]))
  const next = all.map((one) => {
    const status = byName.get(one.spec.name)
    return status === undefined ? one : settled(one, status)
  })
  return next.every((one, i) => one === all[i]) ? all : next
}

/** As it was before it was written down, where what is equal was the same. */
export function restored(deployed: Deployed): Deployed {
  const { spec, lastGood } = deployed
  return lastGood !== undefined && isEqual(spec, lastGood) ? { ...deployed, lastGood: spec } : deployed
}

export function idsOf({ name, deployments }: ApplicationSpec): DeploymentId[] {
  return deployments.map((deployment) => deploymentId({ application: name, deployment: deployment.name }))
}

function isEqual(one: ApplicationSpec, other: ApplicationSpec): boolean {
  return one === other || JSON.stringify(one) === JSON.stringify(other)
}
