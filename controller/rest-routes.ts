import { createRoute, z } from '@hono/zod-openapi'
import { configJsonSchema } from '../shared/config/json-schema.ts'
import { isObject } from '../shared/schema.ts'
import { SOURCES } from './applications.ts'

const json = (description: string) => ({ description, content: { 'application/json': { schema: z.looseObject({}) } } })
const text = (description: string) => ({ description, content: { 'text/plain': { schema: z.string() } } })
const wrong = z.object({ error: z.string() })
const jsonError = (description: string) => ({ description, content: { 'application/json': { schema: wrong } } })
const body = (schema: object) => ({ required: true, content: { 'application/json': { schema } } })

const APPLICATIONS = '/api/serve/applications/'

export const getApplications = createRoute({
  method: 'get',
  path: APPLICATIONS,
  summary: 'Everything that is known of the cluster',
  request: {
    query: z.object({
      api_type: z
        .string()
        .optional()
        .openapi({ enum: [...SOURCES] }),
    }),
  },
  responses: { 200: json('Controller, proxies and applications.'), 400: text('api_type is neither of the two.') },
})

export const putApplications = createRoute({
  method: 'put',
  path: APPLICATIONS,
  summary: 'Declares all that shall run',
  description: 'What was declared before and is not declared any more is deleted; what is as it was is left alone.',
  request: { body: body(configSchema()) },
  responses: { 200: { description: 'It is being built.' }, 400: text('What is wrong with it, a line for each.') },
})

export const deleteApplications = createRoute({
  method: 'delete',
  path: APPLICATIONS,
  summary: 'Deletes all applications',
  responses: { 200: { description: 'None is left.' } },
})

/** As the document has it; requests are checked with more words than it gives. */
function configSchema(): object {
  const schema = configJsonSchema()
  return isObject(schema) ? { ...schema, $schema: undefined } : {}
}

const application = z.string().openapi({ example: 'default' })
export const scaling = z.object({ target_num_replicas: z.int().nonnegative() })

export const scaleDeployment = createRoute({
  method: 'post',
  path: '/api/v1/applications/{application}/deployments/{deployment}/scale',
  summary: 'Sets the number of replicas of a deployment',
  description: 'Of a declared application only if its external_scaler_enabled is true.',
  request: { params: z.object({ application, deployment: z.string() }), body: body(z.toJSONSchema(scaling)) },
  responses: {
    200: json('The request was received.'),
    400: jsonError('The body is wrong.'),
    404: jsonError('There is no such deployment.'),
    412: jsonError('It may not be scaled, or is being deleted.'),
  },
})

export const deleteApplication = createRoute({
  method: 'delete',
  path: '/api/v1/applications/{application}',
  summary: 'Deletes one application',
  description: "batoid's own.",
  request: { params: z.object({ application }) },
  responses: { 200: json('It is being drained.'), 404: jsonError('There is no such application.') },
})

export const shutdown = createRoute({
  method: 'post',
  path: '/api/v1/shutdown',
  summary: 'Ends the cluster',
  description: "As SIGTERM of its launcher does: requests are finished, replicas drained. batoid's own.",
  responses: { 200: json('It is ending.'), 409: jsonError('There is no launcher that could end it.') },
})

export const versionRoutes = ['/api/ray/version', '/api/version'].map((path) =>
  createRoute({ method: 'get', path, summary: 'Versions', responses: { 200: json('The versions.') } }),
)

export const getHealth = createRoute({
  method: 'get',
  path: '/api/healthz',
  summary: 'Whether the controller answers',
  responses: { 200: text('It does.') },
})
