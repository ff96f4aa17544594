import type { Context } from 'hono'
import { currentRequest } from './context.ts'
import { allowedMethods, type HonoLike } from './route-pattern.ts'

/**
 * Starlette's `redirect_slashes`, which FastAPI has on: 307, so that method and body stay. The location is a path, since
 * what stands before a proxy decides on scheme and host.
 */

/** For a path that only its last slash, there or not, keeps from a route. */
export function toOtherSlash(app: HonoLike, { req }: Context): Response | undefined {
  if (allowedMethods(app, otherSlash(req.path)).length === 0) return undefined
  const { pathname, search } = new URL(req.url)
  return redirect(otherSlash(currentRequest()?.path ?? pathname), search)
}

/** For the route prefix itself: the application sees `/` below it, but the links of a page there would lead astray. */
export function fromBarePrefix(app: HonoLike, { url }: Request): Response | undefined {
  const { path, routePrefix = '/' } = currentRequest() ?? {}
  if (routePrefix === '/' || path !== routePrefix || allowedMethods(app, '/').length === 0) return undefined
  return redirect(`${path}/`, new URL(url).search)
}

function otherSlash(path: string): string {
  return path.endsWith('/') ? path.slice(0, -1) : `${path}/`
}

function redirect(path: string, search: string): Response | undefined {
  // A browser would take what follows two slashes for a host.
  if (path.startsWith('//')) return undefined
  return new Response('', { status: 307, headers: { location: path + search } })
}
