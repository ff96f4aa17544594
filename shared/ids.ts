declare const brand: unique symbol

/** A string that has been checked once and may not be mixed up with another kind of string. */
type Branded<Name extends string> = string & { readonly [brand]: Name }

/** `application#deployment`, unique in a cluster. Neither part may contain `#`. */
export type DeploymentId = Branded<'DeploymentId'>

/** Eight random `[a-z0-9]`, unique in a cluster and never used twice. */
export type ReplicaId = Branded<'ReplicaId'>

/** A fraction in [0, 1), as Math.random gives. */
export type Random = () => number

export interface DeploymentName {
  readonly application: string
  readonly deployment: string
}

/**
 * Whether an application or a deployment may have this name: it becomes part of ids, log lines and, encoded, of file
 * names, which end at 255 bytes.
 */
export function isName(text: string): boolean {
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  return text !== '' && !/[#/\u0000-\u001f]/.test(text) && text.isWellFormed() && encodeURIComponent(text).length <= 100
}

/** The rule above, for people. */
export const NAME_RULE = "1 to 100 characters (fewer if not ASCII), without '#', '/' and control characters"

export function isReplicaId(text: unknown): text is ReplicaId {
  return typeof text === 'string' && /^[a-z0-9]{8}$/.test(text)
}

export function isDeploymentId(text: unknown): text is DeploymentId {
  return typeof text === 'string' && /^[^#]{1,100}#[^#]{1,100}$/.test(text)
}

export function deploymentId({ application, deployment }: DeploymentName): DeploymentId {
  return `${application}#${deployment}` as DeploymentId
}

export function deploymentName(id: DeploymentId): DeploymentName {
  const at = id.indexOf('#')
  return { application: id.slice(0, at), deployment: id.slice(at + 1) }
}

export function newReplicaId(random: Random): ReplicaId {
  const alphabet = 'abcdefghijklmnopqrstuvwxyz0123456789'
  return Array.from({ length: 8 }, () => alphabet[Math.floor(random() * alphabet.length)]).join('') as ReplicaId
}

/** As Ray prints a deployment in its logs. */
export function showDeployment(id: DeploymentId): string {
  const { application, deployment } = deploymentName(id)
  return `Deployment(name='${deployment}', app='${application}')`
}

/** As Ray prints a replica in its logs. */
export function showReplica(id: DeploymentId, replica: ReplicaId): string {
  const { application, deployment } = deploymentName(id)
  return `Replica(id='${replica}', deployment='${deployment}', app='${application}')`
}
