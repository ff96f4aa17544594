import * as z from 'zod'
import { checkName, checkRoutePrefix } from '../checks.ts'
import { messageOf } from '../errors.ts'
import { parseImportPath } from '../import-path.ts'
import { environment } from './environment.ts'
import { loggingConfig } from './logging.ts'
import { agree, deploymentOptions } from './options.ts'

type Check = (text: string) => string | undefined

/** A text that a check of ours likes. */
const text = (check: Check) =>
  z.string().superRefine((value, context) => {
    const message = check(value)
    if (message !== undefined) context.addIssue({ code: 'custom', message })
  })

const readable: Check = (path) => {
  try {
    parseImportPath(path)
    return undefined
  } catch (error) {
    return messageOf(error)
  }
}

export const runtimeEnv = z
  .strictObject({
    env_vars: environment.describe('Environment variables of the replicas, besides those of the controller.'),
    working_dir: z
      .string()
      .min(1)
      .describe(
        'Where `import_path` is looked for and the replicas run; relative to the directory in which batoid was started, which is the default.',
      ),
  })
  .partial()

const deployment = z
  .strictObject({ name: text(checkName).describe('Which deployment of the code this is about.') })
  .extend(deploymentOptions.shape)
  .superRefine(agree)

export const applicationConfig = z.strictObject({
  name: text((name) => (name === '' ? 'Application names must be nonempty.' : checkName(name)))
    .default('default')
    .describe('Unique in the file.'),
  route_prefix: text(checkRoutePrefix)
    .nullable()
    .default('/')
    .describe('Path prefix under which the application answers, unique in the file; null: not reachable over HTTP.'),
  import_path: text(readable).describe(
    '`module:export`, where the export is an application or a function that returns one.',
  ),
  args: z.record(z.string(), z.json()).default({}).describe('What such a function is called with.'),
  runtime_env: runtimeEnv.default({}).describe('Where and with what its code runs.'),
  logging_config: loggingConfig
    .nullable()
    .default(null)
    .describe('How its replicas log; replaces that of the whole file.'),
  rollback: z
    .boolean()
    .default(false)
    .describe("Whether the last good version is wanted again when a new one fails. batoid's own."),
  external_scaler_enabled: z
    .boolean()
    .default(false)
    .describe('Whether its numbers of replicas may be set from outside, over the REST API.'),
  autoscaling_policy: z.null('batoid does not have it yet: leave it out').default(null).describe('Not supported yet.'),
  deployments: z
    .array(deployment)
    .default([])
    .superRefine(
      unique('name', (name) => `Found multiple configs for deployment "${name}". Please remove all duplicates.`),
    )
    .describe('What is different from the code, per deployment. What is not said stays as the code has it.'),
})

const file = z.string().min(1).nullable().default(null)

const httpOptions = z.strictObject({
  host: z.string().min(1).default('127.0.0.1').describe('Address to listen on.'),
  port: z.int().min(0).max(65_535).default(8000).describe('Port to listen on; 0: any free one.'),
  root_path: z
    .literal('', 'batoid does not have it: let the proxy in front send X-Forwarded-Prefix, or leave it out')
    .default('')
    .describe('Only the empty one.'),
  request_timeout_s: z
    .number()
    .nonnegative()
    .nullable()
    .default(null)
    .describe('A request that takes longer is answered 408; null or 0: any time.'),
  keep_alive_timeout_s: z.number().positive().max(1e6).default(90).describe('How long an idle connection is kept.'),
  ssl_keyfile: file.describe('PEM file of the private key; with it, HTTPS is served.'),
  ssl_certfile: file.describe('PEM file of the certificate.'),
  ssl_keyfile_password: file.describe('Of the private key.'),
  ssl_ca_certs: file.describe('PEM file of authorities; clients must show a certificate of one of them.'),
})

const grpcOptions = z.strictObject({
  port: z.int().min(0).max(65_535).default(9000).describe('Has no meaning without functions.'),
  grpc_servicer_functions: z
    .array(z.string())
    .max(0, 'batoid has no gRPC: leave them out')
    .default([])
    .describe('batoid has no gRPC, so the list is empty.'),
  request_timeout_s: z.number().positive().nullable().default(null).describe('Has no meaning without functions.'),
})

/** Ray Serve's configuration file, word by word. */
export const serveConfig = z.strictObject({
  proxy_location: z
    .enum(['Disabled', 'HeadOnly', 'EveryNode'])
    .default('EveryNode')
    .describe('Disabled: no HTTP at all. On one machine the other two are the same.'),
  http_options: httpOptions
    .prefault({})
    .describe(
      'How requests are served. Read when a cluster starts; the flags of the command and environment variables win.',
    ),
  grpc_options: grpcOptions.prefault({}).describe('Accepted and without effect.'),
  logging_config: loggingConfig
    .nullable()
    .default(null)
    .describe('How controller, proxies and, where nothing else is said, replicas log.'),
  target_capacity: z
    .number()
    .nonnegative()
    .max(100)
    .nullable()
    .default(null)
    .describe(
      'The per cent of their replicas that all deployments run, rounded, but at least one unless it is 0; null: all.',
    ),
  applications: z
    .array(applicationConfig)
    .superRefine(
      unique('name', (name) => `Found multiple configs for application "${name}". Please remove all duplicates.`),
    )
    .superRefine(
      unique(
        'route_prefix',
        (prefix) =>
          `Found duplicate applications for route prefix "${prefix}". Please ensure each application's route_prefix is unique.`,
      ),
    )
    .describe('The applications; those that a cluster runs and that are not here are deleted.'),
})

/** A configuration with all defaults of the file filled in; what the code says is not in it. */
export type ServeConfig = z.infer<typeof serveConfig>
export type RuntimeEnv = z.infer<typeof runtimeEnv>
export type ApplicationConfig = z.infer<typeof applicationConfig>

/** No two items have the same text at `key`. */
function unique<Key extends string>(key: Key, message: (text: string) => string) {
  return (items: readonly Readonly<Record<Key, string | null>>[], context: z.RefinementCtx): void => {
    for (const [index, { [key]: value }] of items.entries()) {
      const isTwice = items.findIndex((other) => other[key] === value) < index
      if (value === null || !isTwice) continue
      context.addIssue({ code: 'custom', path: [index, key], message: message(value) })
    }
  }
}
