import { OpenAPIHono, z } from '@hono/zod-openapi'
import { bodyLimit } from 'hono/body-limit'
import type { Context } from 'hono'
import type { ServeConfig } from '../shared/config/schema.ts'
import { showPath, validateConfig } from '../shared/config/validate.ts'
import { messageOf, ServeError } from '../shared/errors.ts'
import { swaggerAsset, swaggerPage } from '../shared/swagger.ts'
import { VERSION } from '../shared/version.ts'
import { SOURCES, type Source } from './applications.ts'
import { refusalOf } from './rest-guard.ts'
import * as routes from './rest-routes.ts'

/** More than any configuration, less than what would be felt. */
const MAX_BODY_BYTES = 8 * 2 ** 20
/** Of the reference's, whose clients ask for it. */
const RAY_VERSION = '2.58.0'
const HARMLESS = /^\/(docs(\/.*)?|openapi\.json|api\/healthz)$/

export type Scaled = 'scaled' | 'not found' | 'deleted' | 'not external'

/** What the API reads and changes. */
export interface Cluster {
  readonly sessionName: string
  details(source: Source | undefined): Promise<object>
  /** `raw`: as it was sent. */
  declare(config: ServeConfig, raw: unknown): void
  /** Resolves when nothing runs any more. */
  deleteAll(): Promise<void>
  /** Returns whether there was one. */
  delete(application: string): boolean
  scale(application: string, deployment: string, replicas: number): Scaled
  /** Has the whole cluster end; returns the pid of the launcher, if there is one to do it. */
  end(): number | undefined
}

export interface RestOptions {
  readonly cluster: Cluster
  /** undefined: no token is asked for. */
  readonly isToken: ((text: string) => boolean) | undefined
  readonly problem: (text: string) => void
}

/** The REST API: the reference's, under its paths, with its bodies. */
export function restApp(options: RestOptions): OpenAPIHono {
  const app = new OpenAPIHono({
    defaultHook: (result, c) =>
      result.success ? undefined : c.json({ error: `Invalid request: ${z.prettifyError(result.error)}` }, 400),
  })
  app.use(async (c, next) => {
    const header = (name: string) => c.req.header(name)
    const asker = { host: header('host'), origin: header('origin'), authorization: header('authorization') }
    const refusal = refusalOf({ ...asker, isHarmless: HARMLESS.test(c.req.path) }, options.isToken)
    if (refusal === undefined) return await next()
    const challenge = refusal.status === 401 ? { 'www-authenticate': 'Bearer' } : {}
    return c.json({ error: refusal.error }, refusal.status, challenge)
  })
  const tooLarge = (c: Context) => c.json({ error: `The body is larger than ${MAX_BODY_BYTES} bytes.` }, 413)
  app.use(bodyLimit({ maxSize: MAX_BODY_BYTES, onError: tooLarge }))
  addApplications(app, options.cluster)
  addScale(app, options.cluster)
  addShutdown(app, options.cluster)
  addVersions(app, options.cluster)
  addDocs(app)
  app.notFound((c) => c.json({ error: `There is no ${c.req.method} ${c.req.path}; see /docs.` }, 404))
  app.onError((error, c) => {
    options.problem(`${c.req.method} ${c.req.path} failed: ${messageOf(error)}`)
    return c.json({ error: messageOf(error) }, isGoingAway(error) ? 503 : 500)
  })
  return app
}

function isGoingAway(error: unknown): boolean {
  return error instanceof ServeError && error.code === 'shutting_down'
}

function addApplications(app: OpenAPIHono, cluster: Cluster): void {
  app.openapi(routes.getApplications, async (c) => {
    const asked = c.req.query('api_type') ?? ''
    const source = SOURCES.find((one) => one === asked.toLowerCase())
    if (asked !== '' && source === undefined) {
      return c.text(`Invalid 'api_type' value: '${asked}'. Must be one of: ${SOURCES.join(', ')}`, 400)
    }
    return c.json({ ...(await cluster.details(source)) }, 200)
  })
  app.openapi(routes.putApplications, async (c) => {
    const read = readConfig(await c.req.text())
    if (typeof read === 'string') return c.text(read, 400)
    cluster.declare(read.config, read.raw)
    return c.body(null, 200)
  })
  app.openapi(routes.deleteApplications, async (c) => {
    await cluster.deleteAll()
    return c.body(null, 200)
  })
  app.openapi(routes.deleteApplication, (c) => {
    const { application } = c.req.valid('param')
    if (cluster.delete(application)) return c.json({ message: `Deleting application '${application}'.` }, 200)
    return c.json({ error: `Application "${application}" does not exist.` }, 404)
  })
}

function readConfig(body: string): { config: ServeConfig; raw: unknown } | string {
  let raw: unknown
  try {
    raw = JSON.parse(body)
  } catch (error) {
    return `The body is not JSON: ${messageOf(error)}`
  }
  const validated = validateConfig(raw)
  if ('config' in validated) return { config: validated.config, raw }
  return validated.problems
    .map(({ path, text: what }) => (path.length > 0 ? `${showPath(path)}: ${what}` : what))
    .join('\n')
}

function addScale(app: OpenAPIHono, cluster: Cluster): void {
  app.openapi(routes.scaleDeployment, async (c) => {
    const wanted = routes.scaling.safeParse(await c.req.json().catch(() => undefined))
    if (!wanted.success) return c.json({ error: `Invalid request body: ${z.prettifyError(wanted.error)}` }, 400)
    const { application, deployment } = c.req.valid('param')
    switch (cluster.scale(application, deployment, wanted.data.target_num_replicas)) {
      case 'scaled':
        return c.json({ message: 'Scaling request received. Deployment will get scaled asynchronously.' }, 200)
      case 'not found':
        return c.json({ error: 'Application or Deployment not found' }, 404)
      case 'deleted':
        return c.json({ error: 'Deployment is deleted' }, 412)
      case 'not external': {
        const what = `external_scaler_enabled of application '${application}' is false`
        return c.json({ error: `${what}: set it to true, or change num_replicas in its configuration.` }, 412)
      }
    }
  })
}

function addShutdown(app: OpenAPIHono, cluster: Cluster): void {
  app.openapi(routes.shutdown, (c) => {
    const launcherPid = cluster.end()
    if (launcherPid !== undefined) return c.json({ message: 'The cluster is ending.', launcher_pid: launcherPid }, 200)
    const what = 'No launcher of batoid runs this cluster'
    return c.json({ error: `${what}: end its controller and its proxies where they were started.` }, 409)
  })
}

function addVersions(app: OpenAPIHono, { sessionName }: Cluster): void {
  // The first is the version of the API, which has been 4 since long.
  const version = { version: '4', ray_version: RAY_VERSION, ray_commit: '', session_name: sessionName, batoid: VERSION }
  for (const route of routes.versionRoutes) app.openapi(route, (c) => c.json(version, 200))
  app.openapi(routes.getHealth, (c) => c.text('success', 200))
}

function addDocs(app: OpenAPIHono): void {
  const info = { title: 'batoid', summary: 'The REST API of a cluster', version: VERSION }
  app.openAPIRegistry.registerComponent('securitySchemes', 'token', { type: 'http', scheme: 'bearer' })
  app.doc31('/openapi.json', { openapi: '3.1.0', info, security: [{}, { token: [] }] })
  app.get('/docs', (c) => c.html(swaggerPage(info.title)))
  app.get('/docs/assets/:file', async (c) => (await swaggerAsset(c.req.param('file'))) ?? c.notFound())
}
