import { expect } from 'chai'
import type * as z from 'zod'
import type { DeploymentOptions, LoggingOptions, RayActorOptions } from '../../../../shared/config/deployment.ts'
import {
  type ApplicationOptions,
  type Config,
  defineConfig,
  type HttpOptions,
} from '../../../../shared/config/define.ts'
import type { loggingConfig } from '../../../../shared/config/logging.ts'
import type { deploymentOptions } from '../../../../shared/config/options.ts'
import type { serveConfig } from '../../../../shared/config/schema.ts'

type Camel<Name> = Name extends `${infer Head}_${infer Tail}` ? `${Head}${Capitalize<Camel<Tail>>}` : Name
type Names<Schema> = Camel<keyof NonNullable<Schema>>
type Same<A, B> = [A, B] extends [B, A] ? true : [Exclude<A, B>, Exclude<B, A>]
type File = z.input<typeof serveConfig>
type Options = z.input<typeof deploymentOptions>

/** The compiler is the test: a name that only the types or only the schema has does not compile. */
const agree: [
  Same<keyof Config, Names<File>>,
  Same<keyof HttpOptions, Names<File['http_options']>>,
  Same<keyof ApplicationOptions, Names<File['applications'][number]>>,
  Same<keyof DeploymentOptions, Names<Options> | 'name'>,
  Same<keyof RayActorOptions, Names<Options['ray_actor_options']>>,
  Same<keyof LoggingOptions, Names<z.input<typeof loggingConfig>>>,
] = [true, true, true, true, true, true]

describe('defineConfig', () => {
  it('gives back what it is given, and has the names of the file in camelCase', () => {
    const config = { applications: [{ importPath: 'main:app' }] }
    expect(defineConfig(config)).to.equal(config)
    expect(agree.every(Boolean)).to.equal(true)
  })
})
