import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { parseConfig } from '../../../shared/config/parse.ts'
import { declarationOf, showConfig, statusOf } from '../../../cli/show.ts'
import type { InstanceDetails } from '../../../cli/client.ts'
import { describeApplication } from '../../../replica/application.ts'
import { boundIn, deployment } from '../../../replica/deployment.ts'
import { plainBuild } from '../../../shared/build.ts'
import { GOLDEN } from '../../helpers/golden-schema.ts'
import { configJsonSchema } from '../../../shared/config/json-schema.ts'

/** What a JSON schema has, as far as this test looks. */
interface Schema {
  readonly description?: string
  readonly default?: unknown
  readonly additionalProperties?: unknown
  readonly properties?: Readonly<Record<string, Schema>>
  readonly items?: Schema
  readonly anyOf?: readonly Schema[]
}

describe('showConfig', () => {
  it('writes what is read as the same again', () => {
    const config = parseConfig(
      'target_capacity: 50\napplications: [{import_path: "a:b", args: {x: "yes"}, deployments: [{name: X, user_config: [1, null]}]}]',
      'serve.yaml',
    )
    expect(parseConfig(showConfig(config), 'again.yaml')).to.deep.equal(config)
  })
})

describe('the JSON schema', () => {
  const schema = configJsonSchema() as Schema
  const deployment = schema.properties?.['applications']?.items?.properties?.['deployments']?.items

  it('allows no unknown keys and describes what there is', () => {
    const look = (at: Schema, path: string): void => {
      if (at.properties !== undefined) expect(at.additionalProperties, path).to.equal(false)
      for (const [name, property] of Object.entries(at.properties ?? {})) {
        expect(property.description, `${path}.${name}`).to.be.a('string')
        look(property, `${path}.${name}`)
      }
      for (const inner of [at.items, ...(at.anyOf ?? [])]) if (inner !== undefined) look(inner, path)
    }
    look(schema, '')
  })

  it('has the defaults of what neither code nor file says', () => {
    expect(deployment?.properties?.['max_ongoing_requests']).to.include({ default: 5 })
    expect(deployment?.properties?.['ray_actor_options']?.properties?.['num_cpus']).to.include({ default: 1 })
    expect(deployment?.properties?.['backpressure_config']?.properties?.['status_code']).to.include({ default: 503 })
    expect(schema.properties?.['http_options']?.properties?.['port']).to.include({ default: 8000 })
  })
})

describe('the status of a cluster', () => {
  it("is shown as the reference's", () => {
    const shown = showConfig(statusOf(GOLDEN as InstanceDetails))
    expect(shown).to.equal(readFileSync('test/golden/ray-serve-status.txt', 'utf8'))
  })
})

describe('what has been built', () => {
  it('is a configuration that changes nothing of it', () => {
    const application = deployment(() => ({ call: () => null }), {
      name: 'Model',
      numReplicas: 3,
      userConfig: { maxItems: 1 },
      rayActorOptions: { numCpus: 0.5, resources: { someThing: 1 } },
      backpressureConfig: { statusCode: 429 },
      loggingConfig: { encoding: 'JSON' },
    }).bind()
    const bound = boundIn(application)!
    const { overrides: _, ...plain } = plainBuild({
      importPath: 'm:a',
      workingDir: '/',
      name: 'default',
      routePrefix: '/',
    })
    const spec = { ...plain, ...describeApplication(bound) }
    const [declared] = parseConfig(showConfig({ applications: [declarationOf(spec)] }), 'built.yaml').applications
    expect(declared?.deployments).to.deep.equal([
      {
        name: 'Model',
        num_replicas: 3,
        user_config: { maxItems: 1 },
        ray_actor_options: { num_cpus: 0.5, resources: { someThing: 1 } },
        backpressure_config: { status_code: 429 },
        logging_config: { encoding: 'JSON', log_level: 'INFO', logs_dir: null, enable_access_log: true },
      },
    ])
    expect(describeApplication(bound, declared?.deployments)).to.deep.equal(describeApplication(bound))
  })
})
