import { isName, NAME_RULE } from './ids.ts'

/** What is wrong with the name of an application, in Ray's words; nothing if it is right. */
export function checkName(name: string): string | undefined {
  if (name === '') return 'Application name must a non-empty string.'
  if (!isName(name)) return `Application name '${name}' is not usable: ${NAME_RULE}.`
  return undefined
}

/** What is wrong with a route prefix, in Ray's words; nothing if it is right. */
export function checkRoutePrefix(prefix: string): string | undefined {
  const invalid = `Invalid route_prefix '${prefix}', `
  if (!prefix.startsWith('/')) return `${invalid}must start with a forward slash ('/').`
  if (prefix !== '/' && prefix.endsWith('/')) return `${invalid}may not end with a trailing '/'.`
  if (/[{}]/.test(prefix)) return `${invalid}may not contain wildcards.`
  if (/[?#\s]/.test(prefix)) return `${invalid}may not contain '?', '#' or spaces.`
  return undefined
}
