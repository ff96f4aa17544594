import { type ErrorCode, messageOf, ServeError } from '../shared/errors.ts'
import { type Bound, describe, isCallable, isIngress, type Servable } from './deployment.ts'
import { userStack } from './user-stack.ts'

/** Runs the user's factory or class and its first hooks; what comes back may take requests. */
export async function construct(bound: Bound, userConfig: unknown): Promise<Servable> {
  const servable = await step(bound, 'the factory', () => bound.create())
  if (!isServable(servable)) {
    throw new ServeError(
      'not_servable',
      `deployment '${bound.name}' cannot serve: its factory returned ${describe(servable)} without fetch(request) ` +
        'or call(request); return a Hono application, or an object with one of these methods',
    )
  }
  if (userConfig !== null) await reconfigure(bound, servable, userConfig)
  await step(bound, 'checkHealth()', () => servable.checkHealth?.())
  return servable
}

/** Hands a config to user code, which may refuse it. */
export async function reconfigure(bound: Bound, servable: Servable, userConfig: unknown): Promise<void> {
  await step(bound, 'reconfigure()', () => servable.reconfigure?.(userConfig))
}

/** Asks user code how it is. */
export async function checkHealth(bound: Bound, servable: Servable): Promise<void> {
  await step(bound, 'checkHealth()', () => servable.checkHealth?.(), 'unhealthy')
}

async function step(
  bound: Bound,
  what: string,
  run: () => unknown,
  code: ErrorCode = 'constructor_failed',
): Promise<unknown> {
  try {
    return await run()
  } catch (error) {
    throw new ServeError(code, `${what} of deployment '${bound.name}' threw: ${messageOf(error)}`, {
      cause: error,
      userStack: userStack(error),
    })
  }
}

function isServable(value: unknown): value is Servable {
  return isIngress(value) || isCallable(value)
}
