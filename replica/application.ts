import { ServeError } from '../shared/errors.ts'
import type { Overrides } from '../shared/build.ts'
import type { ApplicationSpec } from '../shared/protocol.ts'
import { type Bound, boundIn } from './deployment.ts'
import { resolveOptions } from './options.ts'

/**
 * What an application consists of, as plain data: its deployments, with every option checked and filled in. What the
 * overrides say of a deployment takes the place of what the code says.
 */
export function describeApplication(
  ingress: Bound,
  overrides: readonly Overrides[] = [],
): Pick<ApplicationSpec, 'ingress' | 'deployments'> {
  const all = reachable(ingress)
  const twice = all.find(({ name }, i) => all.findIndex((other) => other.name === name) < i)
  if (twice !== undefined) {
    throw new ServeError(
      'duplicate_deployment',
      `two deployments are named '${twice.name}': give one of them another name, deployment(code, { name: '…' })`,
    )
  }
  const stray = overrides.find(({ name }) => !all.some((one) => one.name === name))
  if (stray !== undefined) {
    const names = all.map(({ name }) => `'${name}'`).join(', ')
    throw new ServeError('bad_config', `Deployment '${stray.name}' does not exist. Available: [${names}]`)
  }
  const deployments = all.map(({ name, options }) => {
    const { name: _, ...own } = overrides.find((one) => one.name === name) ?? { name }
    return { name, options: resolveOptions(name, options, own) }
  })
  if (all.length > 1) {
    throw new ServeError(
      'option_unsupported',
      `deployment '${ingress.name}' is bound with another deployment as an argument, which batoid does not have yet: ` +
        'put both into one deployment',
    )
  }
  return { ingress: ingress.name, deployments }
}

/** A deployment and those it is bound with, each once. */
function reachable(from: Bound, seen = new Set<Bound>()): Bound[] {
  if (seen.has(from)) return []
  seen.add(from)
  return [from, ...from.args.flatMap((argument) => within(argument, seen))]
}

function within(argument: unknown, seen: Set<Bound>): Bound[] {
  const bound = boundIn(argument)
  if (bound !== undefined) return reachable(bound, seen)
  if (Array.isArray(argument)) return argument.flatMap((item) => within(item, seen))
  const isPlain =
    typeof argument === 'object' && argument !== null && Object.getPrototypeOf(argument) === Object.prototype
  return isPlain ? Object.values(argument).flatMap((item) => within(item, seen)) : []
}
