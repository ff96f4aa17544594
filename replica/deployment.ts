import { ServeError } from '../shared/errors.ts'
import type { DeploymentOptions } from '../shared/config/deployment.ts'

/** What answers requests: a Hono application, or anything else with `fetch`. */
export interface Ingress {
  /** `env` is what @hono/node-server hands to a Hono application: Node's own request and response. */
  fetch(request: Request, env?: unknown): Response | Promise<Response>
}

/** What answers requests without a word about HTTP: Ray Serve's plain callable. Not looked at where there is `fetch`. */
export interface Callable {
  /**
   * Called for every request, whatever its method and path below the route prefix. What it returns, or promises, becomes
   * the answer, 200 but for a `Response`, which is sent as it is. Async iterables are `ReadableStream`s, what async
   * generators return, and Node's streams.
   *
   * | returned | content-type | body |
   * |---|---|---|
   * | `null`, nothing | `text/plain` | empty |
   * | string | `text/plain; charset=utf-8` | the string |
   * | `Uint8Array` (so `Buffer`), `ArrayBuffer` | `text/plain` | the bytes |
   * | async iterable of strings or bytes | `text/plain; charset=utf-8` | each as soon as it is there |
   * | everything else | `application/json` | as `JSON.stringify` writes it |
   *
   * What it throws, and what JSON cannot express (a bigint, a function, a cycle), is for the log: the client gets
   * `500 Internal Server Error`. `request.signal` aborts when the client has gone.
   */
  call(request: Request): unknown
}

/**
 * What a factory returns or a class builds, with the hooks that batoid calls if they are there. There is one more,
 * `[Symbol.asyncDispose]()`, called when the replica has finished its last request and is about to leave; it is not
 * declared, since a compiler whose `lib` does not know the symbol would then refuse every application.
 */
export type Servable = (Ingress | Callable) & Hooks

export interface Hooks {
  /** Called with the deployment's `userConfig` before the replica takes requests. */
  reconfigure?(userConfig: unknown): void | Promise<void>
  /**
   * Called before the replica takes requests, where a throw means that it cannot serve, and then every
   * `healthCheckPeriodS`. When it has thrown, or taken longer than `healthCheckTimeoutS`, three times in a row, the
   * replica is replaced. Never called while an earlier call is under way.
   */
  checkHealth?(): void | Promise<void>
}

type Factory<Args extends unknown[]> = (...args: Args) => Servable | Promise<Servable>
type Class<Args extends unknown[]> = new (...args: Args) => Servable
type Code<Args extends unknown[]> = Factory<Args> | Class<Args>

/** One piece of user code, replicated. Made by {@link deployment}. */
export interface Deployment<Args extends unknown[] = never[]> {
  readonly name: string
  /** Says with which arguments the factory or class is called in each replica. */
  bind(...args: Args): Application
}

/** Known by this key and not by its class, so that two copies of batoid in one project agree on what it is. */
const APPLICATION: unique symbol = Symbol.for('batoid.application') as never

/** What `batoid run module:export` takes: a deployment with its arguments, not yet running. */
export interface Application {
  readonly [APPLICATION]: Bound
}

export interface Bound {
  readonly name: string
  readonly args: readonly unknown[]
  readonly options: DeploymentOptions
  /** Runs the factory or the class with the arguments. */
  create(): unknown
}

/**
 * Turns a factory or a class into a deployment: the code that each of its replicas, a process of its own, runs once
 * when it starts. A factory may be async. What it returns, or the instance of the class, must have
 * `fetch(request)`, as every Hono application has, or `call(request)`, whose return value is made an answer; it may also
 * have `reconfigure(userConfig)`, `checkHealth()` and `[Symbol.asyncDispose]()`.
 *
 * The deployment is named after the function or class. Nothing runs here: not the code, and no check of the options,
 * which are checked when the application is built.
 *
 * @example
 * export const app = deployment(Classifier, { numReplicas: 2 }).bind()
 */
export function deployment<Args extends unknown[]>(
  code: Code<Args>,
  options: DeploymentOptions = {},
): Deployment<Args> {
  if (typeof code !== 'function') {
    throw new ServeError('bad_option', `deployment() takes a factory function or a class, but got ${describe(code)}`)
  }
  const name = options.name ?? code.name
  if (name === '') {
    throw new ServeError(
      'bad_option',
      "deployment() got a function without a name: name the function, or say deployment(factory, { name: '…' })",
    )
  }
  return {
    name,
    bind(...args) {
      const create = () => (isClass(code) ? new code(...args) : code(...args))
      return { [APPLICATION]: { name, args, options, create } }
    },
  }
}

/** What is bound in `value`, if it is an application. */
export function boundIn(value: unknown): Bound | undefined {
  return typeof value === 'object' && value !== null && APPLICATION in value
    ? (value as Application)[APPLICATION]
    : undefined
}

export function isDeployment(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'bind' in value && typeof value.bind === 'function'
}

export function isIngress(value: unknown): value is Ingress {
  return typeof value === 'object' && value !== null && 'fetch' in value && typeof value.fetch === 'function'
}

/** Functions, which all have a method of that name, are none. */
export function isCallable(value: unknown): value is Callable {
  return typeof value === 'object' && value !== null && 'call' in value && typeof value.call === 'function'
}

/** A class's prototype cannot be replaced, a function's can: the one difference that no compiler hides. */
export function isClass<Args extends unknown[]>(code: Code<Args> | object): code is Class<Args> {
  return Object.getOwnPropertyDescriptor(code, 'prototype')?.writable === false
}

/** Calls the hook that the type above does not declare. */
export async function dispose(servable: Servable | undefined): Promise<void> {
  await (servable as Partial<AsyncDisposable> | undefined)?.[Symbol.asyncDispose]?.()
}

export function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value)
  if (typeof value === 'object') return `an object of ${value.constructor?.name ?? 'no class'}`
  return `a ${typeof value}`
}
