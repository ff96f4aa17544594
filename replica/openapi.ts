import { type RouteConfig, z } from '@hono/zod-openapi'
import { queryValues } from '../shared/schema.ts'

/** A route as it is validated: its query is read as FastAPI reads one. */
export function validated(route: RouteConfig): RouteConfig {
  const query = route.request?.query
  if (query === undefined) return route
  return { ...route, request: { ...route.request, query: z.preprocess((sent) => queryValues(query, sent), query) } }
}

/** A route as it stands in the document: one that takes input says how invalid input is answered, as in FastAPI. */
export function documented({ middleware: _middleware, hide: _hide, ...route }: RouteConfig): RouteConfig {
  const { request, responses } = route
  if (request === undefined) return route
  const saysItself = ['422', '4XX', 'default'].some((status) => status in responses)
  return {
    ...route,
    request: {
      ...request,
      ...(request.query && { query: neverNull(request.query) }),
      ...(request.params && { params: neverNull(request.params) }),
    },
    responses: saysItself ? responses : { ...responses, 422: invalidAnswer },
  }
}

/**
 * The generator asks what a field makes of null, and so takes what is coerced to a number (0) for nullable and not
 * required. A parameter is sent or not, and never null.
 */
function neverNull<Schema extends z.ZodType>(parameters: Schema): Schema | z.ZodObject {
  if (!(parameters instanceof z.ZodObject)) return parameters
  const fields = Object.entries(parameters.shape).map(([name, field]) => [name, z.preprocess(refuseNull, field)])
  return parameters.safeExtend(Object.fromEntries(fields))
}

function refuseNull(value: unknown, context: z.RefinementCtx): unknown {
  if (value === null) context.addIssue('null')
  return value
}

const validationError = z
  .object({
    loc: z.array(z.union([z.string(), z.int()])),
    msg: z.string(),
    type: z.string(),
    input: z.unknown().optional(),
    ctx: z.looseObject({}).optional(),
  })
  .openapi('ValidationError')

const invalidAnswer = {
  description: 'Validation Error',
  content: {
    'application/json': { schema: z.object({ detail: z.array(validationError) }).openapi('HTTPValidationError') },
  },
}
