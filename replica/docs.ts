// oxlint-disable-next-line import/no-nodejs-modules -- a table of names, not a way to the outside
import { STATUS_CODES } from 'node:http'
import { OpenAPIHono, type RouteConfig, z } from '@hono/zod-openapi'
import type { Context, Env, Handler, ValidationTargets } from 'hono'
import type { HTTPResponseError } from 'hono/types'
import { fromBarePrefix, toOtherSlash } from './redirect.ts'
import { allowedMethods } from './route-pattern.ts'
import { documented, validated } from './openapi.ts'
import { queryValues } from '../shared/schema.ts'
import { swaggerAsset, swaggerPage } from '../shared/swagger.ts'
import { type InvalidItem, invalidItems, malformedJson, missingBody } from './validation.ts'

/** What the documentation says of an application, as `FastAPI(title=…)` takes it. */
export interface ApiInfo {
  /** The heading of `/docs`, and the title of the page. */
  readonly title: string
  /** One line below the title. */
  readonly summary?: string
  /** What the application is for, in Markdown. */
  readonly description?: string
  /** The version of the application, which is neither that of OpenAPI nor of batoid. */
  readonly version: string
}

/**
 * Makes an application that gives without being asked what a FastAPI one gives: `/docs` (Swagger UI, which loads nothing
 * from the network) and `/openapi.json` (OpenAPI 3.1) of all routes declared with `app.openapi(…)`, and FastAPI's
 * answers to requests that are wrong: 422 with `{"detail": […]}` for invalid input, 404, 405 with `allow`, and 500
 * without a word of what was thrown, which goes to `console.error`. A path that only a slash at its end keeps from a
 * route is redirected there (307), and so is the bare route prefix: relative links need the slash.
 *
 * It is an `OpenAPIHono`, and `onError` and `notFound` may be replaced. Of a query parameter that is given several times
 * the last value counts, unless its schema is an array. A JSON body is checked if the route says `required: true`.
 * The two pages are there before any route or middleware of yours, so your middleware does not guard them.
 *
 * @example
 * const app = api({ title: 'Classifier', version: '1.0.0' })
 */
export function api<E extends Env = Env>(info: ApiInfo): OpenAPIHono<E> {
  const app = new OpenAPIHono<E>({ defaultHook: refuseInvalid({}) })
  const { openapi, fetch } = app
  Object.assign(app, {
    fetch: (...[request, ...rest]: Parameters<typeof fetch>) => fromBarePrefix(app, request) ?? fetch(request, ...rest),
    openapi: (route: RouteConfig, handler: Handler, hook = refuseInvalid(route.request ?? {})) => {
      if (!route.hide) app.openAPIRegistry.registerPath(documented(route))
      return openapi({ ...validated(route), hide: true }, handler, hook)
    },
  })
  app.get('/docs', (c) => c.body(swaggerPage(info.title), 200, { 'content-type': 'text/html; charset=utf-8' }))
  app.get('/docs/assets/:file', async (c) => (await swaggerAsset(c.req.param('file'))) ?? c.notFound())
  app.get('/openapi.json', (c) => {
    // The replica has taken the route prefix off the path, and `app.route` may have put something before it.
    const url = (c.req.header('x-forwarded-prefix') ?? '') + c.req.path.slice(0, -'/openapi.json'.length)
    return c.json(
      app.getOpenAPI31Document({ openapi: '3.1.0', info: { ...info }, ...(url !== '' && { servers: [{ url }] }) }),
    )
  })
  app.notFound((c) => toOtherSlash(app, c) ?? notFound(c, allowedMethods(app, c.req.path)))
  app.onError(failed)
  return app
}

type Validated = { readonly target: keyof ValidationTargets } & z.ZodSafeParseResult<unknown>

function refuseInvalid(request: NonNullable<RouteConfig['request']>) {
  return (result: Validated, c: Context): Response | undefined => {
    if (result.success) return undefined
    const { target, error, data } = result
    // Hono puts an empty object in the place of a body that was not sent.
    if (target === 'json' && c.req.header('content-type') === undefined) return invalid(c, [missingBody])
    const schema = schemaOf(request, target)
    const sent = target === 'query' && schema ? queryValues(schema, data) : data
    return invalid(c, invalidItems({ target, data: sent, schema }, error.issues))
  }
}

function schemaOf(
  request: NonNullable<RouteConfig['request']>,
  target: keyof ValidationTargets,
): z.ZodType | undefined {
  switch (target) {
    case 'query':
      return request.query
    case 'param':
      return request.params
    case 'header':
      return Array.isArray(request.headers) ? undefined : request.headers
    case 'cookie':
      return request.cookies
    case 'json':
    case 'form': {
      const bodies = Object.entries(request.body?.content ?? {})
      const body = bodies.find(([type]) => type.includes('json') === (target === 'json'))?.[1]
      return body && 'schema' in body && body.schema instanceof z.ZodType ? body.schema : undefined
    }
  }
}

const invalid = (c: Context, detail: InvalidItem[]): Response => c.json({ detail }, 422)

function notFound(c: Context, allowed: readonly string[]): Response {
  // A handler that matched may say itself that there is nothing.
  const isAnswered = allowed.includes(c.req.method) || allowed.includes('ALL')
  if (isAnswered || allowed.length === 0) return c.json({ detail: 'Not Found' }, 404)
  return c.json({ detail: 'Method Not Allowed' }, 405, { allow: allowed.join(', ') })
}

async function failed(error: Error | HTTPResponseError, c: Context): Promise<Response> {
  // Not `instanceof`: the user's HTTPException may come from the CommonJS copy of Hono.
  if (!('getResponse' in error)) {
    // oxlint-disable-next-line no-console -- what user code threw belongs among what user code prints
    console.error(error)
    return c.body('Internal Server Error', 500, { 'content-type': 'text/plain; charset=utf-8' })
  }
  const response = error.getResponse()
  const { status } = response
  const isMalformed = status === 400 && error.message === 'Malformed JSON in request body'
  const malformed = isMalformed ? malformedJson(await c.req.text()) : undefined
  if (malformed) return invalid(c, [malformed])
  const isOwn = 'res' in error && error.res !== undefined
  const answer = isOwn ? response : Response.json({ detail: error.message || STATUS_CODES[status] }, { status })
  return c.newResponse(answer.body, answer)
}
