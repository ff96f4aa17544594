import type { z } from 'zod'
import { isObject } from '../schema.ts'
import { camelCase, camelPath, fromCamelCase } from './case.ts'
import { unsupportedIn } from './options.ts'
import { check, type Path, type Problem, unknownKey } from './problems.ts'
import { type RuntimeEnv, runtimeEnv, type ServeConfig, serveConfig } from './schema.ts'

export type Validated<T = ServeConfig> = { readonly config: T } | { readonly problems: readonly Problem[] }

/** Checks what a file or a client says, by Ray's names. */
export function validateConfig(raw: unknown): Validated {
  const checked = check(serveConfig, raw)
  if ('problems' in checked) return { problems: checked.problems.map(misplaced(raw)) }
  const problems = notYet(checked.value)
  return problems.length > 0 ? { problems } : { config: checked.value }
}

/** Checks what is said of one application alone, by Ray's names. */
export function validateRuntimeEnv(raw: unknown): Validated<RuntimeEnv> {
  const checked = check(runtimeEnv, raw)
  return 'problems' in checked ? checked : { config: checked.value }
}

/** Checks what code says: the same in camelCase. */
export function validateCamelConfig(raw: unknown): Validated {
  const { value, problems } = checkedNames(serveConfig, raw)
  const validated = validateConfig(value)
  if (problems.length === 0 && 'config' in validated) return validated
  const others = 'problems' in validated ? validated.problems : []
  return { problems: [...problems, ...others.map((problem) => inCamelCase(serveConfig, problem))] }
}

/** What code says by the names of the schema, and which of its keys mean nothing. */
export function checkedNames(schema: z.core.$ZodType, raw: unknown): { value: unknown; problems: Problem[] } {
  const { value, unknown } = fromCamelCase(schema, raw)
  const problems = unknown.map(({ key, within }): Problem => {
    const path = [...camelPath(schema, within), key]
    return { path, at: 'key', text: unknownKey(schema, within, key, camelCase) }
  })
  return { value, problems }
}

export function inCamelCase(schema: z.core.$ZodType, problem: Problem): Problem {
  return { ...problem, path: camelPath(schema, problem.path) }
}

/** As Ray and zod print it, `applications.0.import_path`. */
export function showPath(path: Path): string {
  return path.map(String).join('.')
}

function notYet({ applications }: ServeConfig): Problem[] {
  return applications.flatMap(({ deployments }, application) =>
    deployments.flatMap((options, deployment) =>
      unsupportedIn(options).map((path): Problem => {
        const text = 'batoid does not have it yet: leave it out'
        return { path: ['applications', application, 'deployments', deployment, ...path], at: 'value', text }
      }),
    ),
  )
}

/** Where requests are listened for was a matter of an application once, for which Ray has words of its own. */
function misplaced(raw: unknown): (problem: Problem) => Problem {
  return (problem) => {
    const [list, index, key, ...rest] = problem.path
    const isAddress = list === 'applications' && (key === 'host' || key === 'port') && rest.length === 0
    const applications: unknown = isAddress && isObject(raw) ? raw['applications'] : undefined
    const application: unknown = Array.isArray(applications) ? applications[Number(index)] : undefined
    if (!isAddress || !isObject(application)) return problem
    const { name = 'default', [key]: value } = application
    const what = `${key === 'host' ? 'Host' : 'Port'} "${String(value)}"`
    const text = `${what} is set in the config for application \`${String(name)}\`. Please remove it and set ${key} in the top level deploy config only.`
    return { ...problem, text: `${text} It belongs in http_options.` }
  }
}
