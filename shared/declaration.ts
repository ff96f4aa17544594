import type { LoggingConfig } from './config/resolved.ts'
import type { ApplicationConfig } from './config/schema.ts'
import type { ErrorReport } from './errors.ts'
import type { ApplicationSpec } from './protocol.ts'

/** All that shall run of what is declared, as far as it has been built. */
export interface Declaration {
  /** What is built for one is not for the next, whatever the names. */
  readonly id: string
  /** As it was written, for whoever asks. */
  readonly declared: readonly ApplicationConfig[]
  readonly applications: readonly DeclaredApplication[]
  /** The per cent of their replicas that all deployments run; null: all. */
  readonly targetCapacity: number | null
  /** Of the controller and the proxies. */
  readonly loggingConfig: LoggingConfig
}

export interface DeclaredApplication {
  readonly name: string
  readonly build:
    | { readonly state: 'built'; readonly spec: ApplicationSpec }
    /** What runs under this name goes on meanwhile, and if it cannot be built. */
    | { readonly state: 'building' }
    | { readonly state: 'failed'; readonly error: ErrorReport }
}
