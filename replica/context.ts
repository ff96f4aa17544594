import { AsyncLocalStorage } from 'node:async_hooks'

/** What is known everywhere below the handler of a request. */
export interface RequestContext {
  /** The client's `x-request-id`, or the one that batoid gave it; it is in the request's and the answer's headers too. */
  readonly requestId: string
  /** Where the application is mounted, `/` or for example `/shop`: what has been taken off the handler's `request.url`. */
  readonly routePrefix: string
  /** The path as the client wrote it: with the route prefix, without the query. */
  readonly path: string
}

const STORAGE = Symbol.for('batoid.request')

/** One for all copies of this file: user code imports another than the one that batoid's own processes are bundled with. */
const storage = shared()

function shared(): AsyncLocalStorage<RequestContext> {
  const known = Reflect.get(globalThis, STORAGE) as AsyncLocalStorage<RequestContext> | undefined
  const made = known ?? new AsyncLocalStorage<RequestContext>()
  Reflect.set(globalThis, STORAGE, made)
  return made
}

export function withRequest<Args extends unknown[], T>(
  context: RequestContext,
  task: (...args: Args) => T,
  ...args: Args
): T {
  return storage.run(context, task, ...args)
}

/** The request for which the running code was called, however deep in it; undefined outside of any. */
export function currentRequest(): RequestContext | undefined {
  return storage.getStore()
}
