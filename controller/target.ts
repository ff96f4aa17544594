import { LOGGING_DEFAULTS } from '../shared/config/defaults.ts'
import type { LoggingConfig } from '../shared/config/resolved.ts'
import type { ApplicationConfig } from '../shared/config/schema.ts'
import { type ErrorReport, ServeError } from '../shared/errors.ts'
import type { Declaration, DeclaredApplication } from '../shared/declaration.ts'
import type { ApplicationSpec } from '../shared/protocol.ts'
import type { ApplicationStatus } from '../shared/statuses.ts'
import { type Deployed, without, withApplication } from './applications.ts'

/** All that shall run, and what is remembered of it: what the checkpoint holds. */
export interface DesiredState {
  readonly applications: readonly Deployed[]
  /** What was declared, but cannot run as declared, or not yet; an application that was there before goes on. */
  readonly unbuilt: readonly Unbuilt[]
  /** What was declared last, as it was written. */
  readonly declared: Declared
  /** The per cent of their replicas that all deployments run; null: all. */
  readonly targetCapacity: number | null
  /** Of the controller and the proxies. */
  readonly loggingConfig: LoggingConfig
}

export interface Declared {
  /** Of the declaration; empty: there was none. */
  readonly id: string
  /** Unix time, in seconds. */
  readonly atS: number
  readonly applications: readonly ApplicationConfig[]
}

export interface Unbuilt {
  readonly name: string
  /** undefined: it is being built. */
  readonly error?: ErrorReport | undefined
  /** It has been built, but its route prefix is another's, who may yet change it. */
  readonly refused?: ApplicationSpec | undefined
}

export const NOTHING: DesiredState = {
  applications: [],
  unbuilt: [],
  declared: { id: '', atS: 0, applications: [] },
  targetCapacity: null,
  loggingConfig: LOGGING_DEFAULTS,
}

/**
 * With the application, in the place of the one of that name.
 * @throws ServeError `bad_config` if another has its route prefix
 */
export function withDeployed(state: DesiredState, spec: ApplicationSpec, nowS: number): DesiredState {
  const problem = conflictOf(spec, state.applications)
  if (problem !== undefined) throw new ServeError(problem.code, problem.message)
  return {
    ...state,
    applications: withApplication(state.applications, spec, { source: 'imperative', nowS }),
    unbuilt: state.unbuilt.filter(({ name }) => name !== spec.name),
  }
}

/** With what is declared, and nothing else of what was declared before. To declare it once more is news of it. */
export function withDeclaration(state: DesiredState, declaration: Declaration, nowS: number): DesiredState {
  const { id, applications, targetCapacity, loggingConfig } = declaration
  if (id === state.declared.id) return withBuilt(state, declaration, nowS)
  const names = applications.map(({ name }) => name)
  const goesOn = state.applications.filter(({ source, spec }) => source === 'imperative' || names.includes(spec.name))
  const unbuilt = names.map((name): Unbuilt => ({ name }))
  const declared = { id, atS: nowS, applications: declaration.declared }
  const awaiting = { applications: goesOn, unbuilt, declared, targetCapacity, loggingConfig }
  return withBuilt(inOrder(awaiting), declaration, nowS)
}

/** With what of the last declaration has been built and is awaited: what was deleted meanwhile is not. */
export function withBuilt(
  state: DesiredState,
  declaration: Pick<Declaration, 'id' | 'applications'>,
  nowS: number,
): DesiredState {
  const news = newsFor(state, declaration)
  if (news.length === 0) return state
  const earlier = state.unbuilt.filter(({ name }) => !news.some((one) => one.name === name))
  const specs = [...specsOf(news), ...earlier.flatMap(({ refused }) => refused ?? [])]
  const { accepted, refused } = admit(specs, state.applications)
  const unbuilt = [
    ...earlier.filter((one) => one.refused === undefined),
    ...news.flatMap(({ name, build }) => (build.state === 'failed' ? [{ name, error: build.error }] : [])),
    ...specs.flatMap((spec) => {
      const error = refused.get(spec.name)
      return error === undefined ? [] : [{ name: spec.name, error, refused: spec }]
    }),
  ]
  const all = accepted.reduce(
    (before, spec) => withApplication(before, spec, { source: 'declarative', nowS }),
    state.applications,
  )
  return inOrder({ ...state, applications: all, unbuilt })
}

/** What of it is not known yet, and wanted. */
export function newsFor(
  state: DesiredState,
  { id, applications }: Pick<Declaration, 'id' | 'applications'>,
): DeclaredApplication[] {
  const awaited = id === state.declared.id ? unfinished(state) : []
  return applications.filter(({ name, build }) => build.state !== 'building' && awaited.includes(name))
}

/** What is being built. */
export function unfinished({ unbuilt }: DesiredState): string[] {
  return unbuilt.flatMap(({ name, error }) => (error === undefined ? [name] : []))
}

/** What was deployed by itself comes first. */
function inOrder(state: DesiredState): DesiredState {
  const names = state.declared.applications.map(({ name }) => name)
  const byName = (one: string, other: string) => names.indexOf(one) - names.indexOf(other)
  return {
    ...state,
    applications: state.applications.toSorted((a, b) => byName(a.spec.name, b.spec.name)),
    unbuilt: state.unbuilt.toSorted((a, b) => byName(a.name, b.name)),
  }
}

/** Without the applications of these names, however they were deployed. */
export function withoutThese(state: DesiredState, names: readonly string[]): DesiredState {
  const isKept = ({ name }: { readonly name: string }) => !names.includes(name)
  return {
    ...state,
    applications: without(state.applications, names),
    unbuilt: state.unbuilt.filter(isKept),
    declared: { ...state.declared, applications: state.declared.applications.filter(isKept) },
  }
}

/** Those that have been built. */
export function specsOf(applications: readonly DeclaredApplication[]): ApplicationSpec[] {
  return applications.flatMap(({ build }) => (build.state === 'built' ? [build.spec] : []))
}

interface Admission {
  readonly accepted: readonly ApplicationSpec[]
  readonly refused: ReadonlyMap<string, ErrorReport>
}

/** Those whose route prefix nobody has who goes on as before; each that is refused goes on as before too. */
function admit(
  specs: readonly ApplicationSpec[],
  goesOn: readonly Deployed[],
  refused: ReadonlyMap<string, ErrorReport> = new Map(),
): Admission {
  const accepted = specs.filter(({ name }) => !refused.has(name))
  const others = goesOn.filter(({ spec }) => !accepted.some(({ name }) => name === spec.name))
  for (const spec of accepted) {
    const problem = conflictOf(spec, others)
    if (problem !== undefined) return admit(specs, goesOn, new Map(refused).set(spec.name, problem))
  }
  return { accepted, refused }
}

function conflictOf({ name, routePrefix }: ApplicationSpec, others: readonly Deployed[]): ErrorReport | undefined {
  if (routePrefix === null) return undefined
  const holder = others.find(({ spec }) => spec.name !== name && spec.routePrefix === routePrefix)?.spec
  if (holder === undefined) return undefined
  const message = `Prefix ${routePrefix} is being used by application "${holder.name}". Failed to deploy application "${name}".`
  return { code: 'bad_config', message }
}

type Opinion = Pick<ApplicationStatus, 'name' | 'status' | 'message'>

/** What is to be thought of all applications, once it is known which could not be built. */
export function withUnbuilt<T extends Opinion>(
  opinions: readonly T[],
  unbuilt: readonly Unbuilt[],
): (T | (Opinion & { readonly deployments: readonly never[] }))[] {
  const isKnown = (name: string) => opinions.some((own) => own.name === name)
  const others = unbuilt.filter(({ name }) => !isKnown(name)).map((one) => ({ ...opinionOf(one), deployments: [] }))
  const own = opinions.map((opinion) => {
    const failed = unbuilt.find(({ name }) => name === opinion.name)
    return failed === undefined ? opinion : { ...opinion, ...opinionOf(failed) }
  })
  return [...own, ...others]
}

function opinionOf({ name, error }: Unbuilt): Opinion {
  if (error === undefined) return { name, status: 'DEPLOYING', message: '' }
  const detail = error.stack === undefined ? error.message : `${error.stack}\n${error.message}`
  return { name, status: 'DEPLOY_FAILED', message: `Deploying app '${name}' failed with exception:\n${detail}` }
}
