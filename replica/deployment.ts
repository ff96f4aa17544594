import { ServeError } from '../shared/errors.ts'
import type { DeploymentOptions } from './options.ts'

/** What answers requests: a Hono application, or anything else with `fetch`. */
export interface Ingress {
  /** `env` is what @hono/node-server hands to a Hono application: Node's own request and response. */
  fetch(request: Request, env?: unknown): Response | Promise<Response>
}

/**
 * What a factory returns or a class builds, with the hooks that batoid calls if they are there. There is one more,
 * `[Symbol.asyncDispose]()`, called when the replica has finished its last request and is about to leave; it is not
 * declared, since a compiler whose `lib` does not know the symbol would then refuse every application.
 */
export interface Servable extends Ingress {
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
 * `fetch(request)`, as every Hono application has; it may also have `reconfigure(userConfig)`, `checkHealth()` and
 * `[Symbol.asyncDispose]()`.
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

/** A class's prototype cannot be replaced, a function's can: the one difference that no compiler hides. */
function isClass<Args extends unknown[]>(code: Code<Args>): code is Class<Args> {
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
