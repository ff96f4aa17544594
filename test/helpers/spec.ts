import { resolveOptions } from '../../replica/options.ts'
import { LOGGING_DEFAULTS } from '../../shared/config/defaults.ts'
import type { ApplicationSpec } from '../../shared/protocol.ts'

/** An application of one deployment, and what is special about it. */
export function specOf(more: Partial<ApplicationSpec> = {}): ApplicationSpec {
  return {
    name: 'shop',
    routePrefix: '/shop',
    importPath: 'main:app',
    workingDir: '/work',
    args: {},
    envVars: {},
    loggingConfig: LOGGING_DEFAULTS,
    ingress: 'Cart',
    rollback: false,
    deployments: [{ name: 'Cart', options: resolveOptions('Cart', {}) }],
    ...more,
  }
}
