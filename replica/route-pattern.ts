/**
 * What the access line calls a request: the pattern of the route, never the path, so that lines (and metrics) of one
 * route can be added up and no client chooses what they are called.
 */

interface Route {
  readonly method: string
  readonly path: string
  readonly handler: object
}

/** What this file needs of a Hono application; the user's copy of Hono need not be ours. */
export interface HonoLike {
  readonly routes: readonly Route[]
  readonly router: {
    match(
      method: string,
      path: string,
    ): readonly [readonly (readonly [readonly [unknown, Route], unknown])[], ...unknown[]]
  }
  getPath?(request: { readonly url: string }): string
}

/**
 * The pattern of the route that answers a request, written as FastAPI writes it (`/items/{id}`). `undefined` if nothing
 * but middleware matches, or `app` is not a Hono application.
 *
 * @param path - The path of the request target as it was sent, without the query.
 */
export function routePattern(app: unknown, method: string, path: string): string | undefined {
  if (!isHono(app)) return undefined
  try {
    const route = answeringRoute(app, method, app.getPath?.({ url: `http://localhost${path}` }) ?? path)
    return route && patternOf(route)
  } catch {
    // A `getPath` of the user's may want more of the request than its URL. The name of a line is not worth a request.
    return undefined
  }
}

/**
 * The methods that the routes of `path` answer, for the `allow` header of a 405 (RFC 9110, section 15.5.6).
 *
 * @param path - The path as Hono routes it, `c.req.path`.
 */
export function allowedMethods(app: HonoLike, path: string): readonly string[] {
  const methods = new Set(app.routes.map(({ method }) => method))
  return [...methods].filter((method) => answeringRoute(app, method, path)).flatMap(withHead)
}

const withHead = (method: string): readonly string[] => (method === 'GET' ? ['GET', 'HEAD'] : [method])

/** Hono calls what matches in the order of registration: the first that is no middleware answers. */
function answeringRoute(app: HonoLike, method: string, path: string): Route | undefined {
  const [matches] = app.router.match(method === 'HEAD' ? 'GET' : method, path)
  for (const [[, route]] of matches) if (!isMiddleware(route)) return route
  return undefined
}

/** Hono keeps no difference between `use` and `all`; what takes a `next` is taken for middleware. */
function isMiddleware({ method, path, handler }: Route): boolean {
  if (path === '/*') return true
  return method === 'ALL' && (path.endsWith('*') || takesNext(handler))
}

/** `app.route` wraps each handler of an application that has its own `onError`, and keeps the original under this name. */
const ORIGINAL = '__COMPOSED_HANDLER'

function takesNext(handler: object): boolean {
  let original: unknown = handler
  while (typeof original === 'function' && ORIGINAL in original) original = original[ORIGINAL]
  return typeof original === 'function' && original.length > 1
}

/** Rewriting takes 0.7 µs, looking it up 0.01 µs. */
const patterns = new WeakMap<Route, string>()

function patternOf(route: Route): string {
  const known = patterns.get(route)
  if (known !== undefined) return known
  const pattern = route.path.replaceAll(/\/:([^/{}?]+)(?:\{.*?\}(?=[/?]|$))?\??/g, '/{$1}')
  patterns.set(route, pattern)
  return pattern
}

function isHono(app: unknown): app is HonoLike {
  if (typeof app !== 'object' || app === null || !('router' in app) || !('routes' in app)) return false
  const { router, routes } = app
  return Array.isArray(routes) && typeof router === 'object' && router !== null && 'match' in router
}
