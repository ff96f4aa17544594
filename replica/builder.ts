import { ServeError } from '../shared/errors.ts'
import type { Application } from './deployment.ts'

/** What zod, and every other library that follows https://standardschema.dev, has of its schemas. */
export interface ArgumentSchema<Args> {
  readonly '~standard': {
    validate(value: unknown): Checked<Args> | Promise<Checked<Args>>
  }
}

type Checked<Args> =
  | { readonly value: Args; readonly issues?: undefined }
  | { readonly issues: readonly { readonly message: string; readonly path?: readonly unknown[] | undefined }[] }

/**
 * Makes a function of arguments an application builder that checks them: `batoid run main:app replicas=3`, or `args:` in
 * a configuration, call it with what `schema` makes of them. From the command line all values are text, so numbers are
 * `z.coerce.number()`. The build process calls it, and each replica, with the same arguments; it should only put deployments
 * together. A plain function that returns an application is a builder too, and gets the arguments as they are.
 *
 * @example
 * export const app = builder(z.object({ replicas: z.coerce.number() }), ({ replicas }) =>
 *   deployment(Model, { numReplicas: replicas }).bind(),
 * )
 */
export function builder<Args>(
  schema: ArgumentSchema<Args>,
  build: (args: Args) => Application | Promise<Application>,
): (args: unknown) => Promise<Application> {
  return async (args) => {
    const checked = await schema['~standard'].validate(args)
    if (checked.issues === undefined) return await build(checked.value)
    const problems = checked.issues.map(({ message, path = [] }) => `${path.map(keyOf).join('.') || 'all'}: ${message}`)
    throw new ServeError('bad_arguments', `the application does not take these arguments: ${problems.join('; ')}`)
  }
}

/** A step of a path may be the key, or have it. */
function keyOf(step: unknown): string {
  return String(typeof step === 'object' && step !== null && 'key' in step ? step.key : step)
}
