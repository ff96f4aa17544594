/** Writes docs/configuration.md from the schema; a test holds it to that. */
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { configJsonSchema } from '../shared/config/json-schema.ts'

interface Schema {
  readonly description?: string
  readonly default?: unknown
  readonly type?: string | readonly string[]
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly minimum?: number
  readonly exclusiveMinimum?: number
  readonly maximum?: number
  readonly required?: readonly string[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly items?: Schema
  readonly anyOf?: readonly Schema[]
  readonly $ref?: string
}

const FILE = fileURLToPath(new URL('../docs/configuration.md', import.meta.url))
/** Larger than any bound that is meant. */
const NO_BOUND = 1e9

const HEAD = `# Configuration

<!-- Written by scripts/configuration.ts from the schema: change that, and run \`npm run docs\`. -->

A configuration says which applications a cluster runs. It is Ray Serve's \`serve.yaml\`, word by word: \`batoid run serve.yaml\`
(YAML 1.2, or JSON). \`batoid schema\` prints its JSON schema for editors:

\`\`\`yaml
# yaml-language-server: $schema=serve.schema.json
http_options: { port: 8000 }
applications:
- name: shop
  route_prefix: /shop
  import_path: main:app
  args: { model: small }
  runtime_env: { env_vars: { CACHE: "1" }, working_dir: shop }
  deployments:
  - name: Classifier
    num_replicas: 4
    user_config: { threshold: 0.5 }
- name: search
  route_prefix: /search
  import_path: search.main:app
\`\`\`

* **In code** it is the same in camelCase, with types: \`batoid run batoid.config.ts\`. One rule: \`num_replicas\` in a file is
  \`numReplicas\` in code. What you name yourself, in \`args\`, \`user_config\`, \`env_vars\` and \`resources\`, stays as it is.

  \`\`\`ts
  import { defineConfig } from 'batoid'

  export default defineConfig({
    httpOptions: { port: 8000 },
    applications: [{ name: 'shop', routePrefix: '/shop', importPath: 'main:app' }],
  })
  \`\`\`

* **What is wrong is refused**, all at once, each with its place: \`serve.yaml:7:3: applications.0.route_prefx: Extra inputs are
  not permitted; did you mean 'route_prefix'?\` Where Ray Serve is silent batoid is not: unknown keys, prefixes without a
  slash, more replicas at least than at most. Options that batoid does not have yet are refused, never ignored.
* **The file over the code**: what a file says of an option of a deployment takes the place of what the code says, as a whole;
  what it does not say stays as the code has it, and is the default below if neither says anything.
* **Several applications** share a cluster. One that fails leaves the others alone; \`batoid run\` ends only if all fail.
* **Deployed again**, with \`batoid deploy serve.yaml\`, what has changed is updated, one replica after the other, and nothing else is
  touched: an option, an argument, or the code, which is each module, package and JSON file that the module of \`import_path\` loads when
  it is loaded. What it reads later, weights for example, does not count: change something in \`env_vars\` with it. \`user_config\`,
  \`logging_config\`, prefixes and numbers change without new processes.
* **Logging**: a deployment's \`logging_config\`, in file or code, goes before its application's, and that before the file's. With
  \`encoding: JSON\` log files have Ray's keys: \`asctime\`, \`levelname\`, \`message\`, \`filename\` and \`lineno\` (of what your code
  prints, those of your module), \`process\`, \`worker_id\`, \`node_id\`, \`actor_id\`,
  \`actor_name\`, \`component_name\`, of replicas \`application\`,
  \`deployment\` and \`replica\`, of requests \`route\` and \`request_id\`, and \`timestamp_ns\`.
* **Differences** from Ray Serve: \`host\` is 127.0.0.1 unless you say otherwise; \`start_timeout_s\` and \`frozen_timeout_s\` are batoid's own.
* Under a Procfile runner of your own, \`BATOID_APPLICATION=serve.yaml\` deploys the applications; \`http_options\` are then the
  environment's, \`BATOID_HTTP_PORT\` and its kind ([operations](operations.md)).
`

const SECTIONS: readonly (readonly [title: string, path: readonly string[]])[] = [
  ['The file', []],
  ['`http_options`', ['http_options']],
  ['`applications[]`', ['applications']],
  ['`applications[].runtime_env`', ['applications', 'runtime_env']],
  ['`applications[].deployments[]`', ['applications', 'deployments']],
  ['`ray_actor_options`', ['applications', 'deployments', 'ray_actor_options']],
  ['`ray_actor_options.runtime_env`', ['applications', 'deployments', 'ray_actor_options', 'runtime_env']],
  ['`backpressure_config`', ['applications', 'deployments', 'backpressure_config']],
  ['`logging_config`', ['logging_config']],
  ['`grpc_options`', ['grpc_options']],
]

export function configurationPage(): string {
  const root = configJsonSchema() as Schema
  const sections = SECTIONS.map(([title, path]) => `## ${title}\n\n${table(at(root, path))}`)
  return `${HEAD}\n${sections.join('\n\n')}\n`
}

function at(root: Schema, path: readonly string[]): Schema {
  return path.reduce((schema, key) => {
    const found = schema.properties?.[key]
    const inner = found?.anyOf?.find(({ properties }) => properties !== undefined) ?? found?.items ?? found
    if (inner === undefined) throw new Error(`the schema has no ${path.join('.')}`)
    return inner
  }, root)
}

function table(schema: Schema): string {
  const rows = Object.entries(schema.properties ?? {}).map(([name, property]) => {
    const isRequired = schema.required?.includes(name) === true && property.default === undefined
    const fallback = property.default === undefined ? '' : `\`${JSON.stringify(property.default)}\``
    const cells = [`\`${name}\``, typeOf(property), isRequired ? 'required' : fallback, property.description ?? '']
    return `| ${cells.join(' | ')} |`
  })
  return ['| key | value | default | meaning |', '|---|---|---|---|', ...rows].join('\n')
}

function typeOf(schema: Schema): string {
  if (schema.anyOf !== undefined) return schema.anyOf.map(typeOf).join(' or ')
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${String(value)}\``).join(', ')
  if (schema.const !== undefined) return `\`${JSON.stringify(schema.const)}\``
  if (schema.$ref !== undefined) return 'anything'
  if (schema.type === 'array') return 'list'
  if (schema.type === 'object') return 'mapping'
  return `${[schema.type ?? 'anything'].flat().join(' or ')}${bounds(schema)}`
}

function bounds({ minimum, exclusiveMinimum, maximum = NO_BOUND }: Schema): string {
  const low = minimum !== undefined && minimum > -NO_BOUND ? ` ≥ ${minimum}` : ''
  const above = exclusiveMinimum === undefined ? low : ` > ${exclusiveMinimum}`
  return `${above}${maximum < NO_BOUND ? `${above === '' ? '' : ','} ≤ ${maximum}` : ''}`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(FILE, configurationPage())
