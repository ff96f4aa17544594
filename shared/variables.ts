import { ServeError } from './errors.ts'

/**
 * What a process is told by whoever starts it, in environment variables, so that any Procfile runner can start the
 * standing ones. Read in the main.ts files alone.
 */
export type Environment = Readonly<Record<string, string | undefined>>

/** A setting as text: in an environment variable, or behind a flag of the command line. */
export interface Variable<T> {
  readonly name: string
  /** undefined: not what it must be. */
  readonly read: (text: string) => T | undefined
  /** What it must be, for people. */
  readonly must: string
}

export function from<T, F>(env: Environment, { name, read, must }: Variable<T>, fallback: F): T | F {
  const text = env[name]
  if (text === undefined) return fallback
  const value = read(text)
  if (value !== undefined) return value
  throw new ServeError('bad_usage', `${name} is '${text}', but must be ${must}`)
}

/** As above, but not repeated when it is wrong. */
export function secret<T>(env: Environment, { name, read, must }: Variable<T>): T | undefined {
  const text = env[name]
  const value = text === undefined ? undefined : read(text)
  if (text !== undefined && value === undefined) throw new ServeError('bad_usage', `${name} must be ${must}`)
  return value
}

export function word(name: string, must: string): Variable<string> {
  return { name, must, read: (text) => (text === '' ? undefined : text) }
}

export function integer(name: string, min: number, max: number): Variable<number> {
  const read = (text: string) => (/^\d+$/.test(text) ? number(text, (n) => n >= min && n <= max) : undefined)
  return { name, must: `an integer from ${min} to ${max}`, read }
}

export function seconds(name: string, must: string, isAllowed: (value: number) => boolean): Variable<number> {
  return { name, must, read: (text) => number(text, isAllowed) }
}

export function number(text: string, isAllowed: (value: number) => boolean): number | undefined {
  const value = Number(text)
  return text.trim() !== '' && Number.isFinite(value) && isAllowed(value) ? value : undefined
}
