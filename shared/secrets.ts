import { dashboardVariables } from './dashboard.ts'
import { httpVariables } from './settings.ts'
import type { Environment } from './variables.ts'

/** What user code is not to find in its environment: replicas and the build inherit theirs. */
export function withoutSecrets(env: Environment): Environment {
  const { [httpVariables.sslKeyfilePassword.name]: _, [dashboardVariables.token.name]: __, ...rest } = env
  return rest
}
