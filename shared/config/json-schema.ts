import * as z from 'zod'
import { camelCase } from './case.ts'
import { LOGGING_DEFAULTS, OPTION_DEFAULTS } from './defaults.ts'
import { serveConfig } from './schema.ts'

/** The JSON schema of a configuration file, for editors. */
export function configJsonSchema(): unknown {
  const defaults = new Map<string, object>([
    ['max_constructor_retry_count', OPTION_DEFAULTS],
    ['status_code', OPTION_DEFAULTS.backpressureConfig],
    ['num_cpus', OPTION_DEFAULTS.rayActorOptions],
    ['encoding', { ...LOGGING_DEFAULTS, additionalLogStandardAttrs: [] }],
  ])
  return z.toJSONSchema(serveConfig, {
    io: 'input',
    // What code and file may leave out has its default in neither.
    override({ jsonSchema }) {
      const { properties = {} } = jsonSchema
      const values = [...defaults].find(([key]) => Object.hasOwn(properties, key))?.[1] ?? {}
      for (const [name, property] of Object.entries(properties)) {
        const value: unknown = Reflect.get(values, camelCase(name))
        if (typeof property === 'object' && value !== undefined && value !== null && typeof value !== 'object')
          property.default = value
      }
    },
  })
}
