import { AsyncLocalStorage } from 'node:async_hooks'

/** What is known everywhere below the handler of a request. */
export interface RequestContext {
  readonly requestId: string
}

const storage = new AsyncLocalStorage<RequestContext>()

export function withRequest<T>(context: RequestContext, task: () => T): T {
  return storage.run(context, task)
}

/** The request that the running code was called for; undefined outside of any. */
export function currentRequest(): RequestContext | undefined {
  return storage.getStore()
}
