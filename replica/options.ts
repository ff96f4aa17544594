import { inCamelCase, checkedNames, showPath } from '../shared/config/validate.ts'
import { camelPath } from '../shared/config/case.ts'
import type { DeploymentOptions } from '../shared/config/deployment.ts'
import { completeOptions, deploymentOptions, type OptionsInput, unsupportedIn } from '../shared/config/options.ts'
import { check } from '../shared/config/problems.ts'
import { ServeError } from '../shared/errors.ts'
import { isName, NAME_RULE } from '../shared/ids.ts'
import type { DeploymentConfig } from '../shared/config/resolved.ts'

/**
 * Checks the options that the code gives the deployment `name`, lays over them what the configuration says, which has
 * been checked, and fills in the defaults.
 * @throws ServeError `option_unsupported` or `bad_option`, naming the deployment, the option and what it takes
 */
export function resolveOptions(
  name: string,
  options: DeploymentOptions,
  overrides: OptionsInput = {},
): DeploymentConfig {
  checkName(name)
  const { name: _, ...given } = options
  const said = checkOptions(name, given)
  refuseUnsupported(name, said)
  return completeOptions({ ...said, ...overrides })
}

function checkOptions(name: string, given: Omit<DeploymentOptions, 'name'>): OptionsInput {
  const { value, problems } = checkedNames(deploymentOptions, given)
  const checked = check(deploymentOptions, value)
  const others = 'problems' in checked ? checked.problems : []
  const all = [...problems, ...others.map((problem) => inCamelCase(deploymentOptions, problem))]
  if ('value' in checked && all.length === 0) return checked.value
  const shown = all.map(({ path, text }) => `${showPath(path) || 'options'}: ${text}`).join('; ')
  throw new ServeError('bad_option', `deployment '${name}' has a wrong option: ${shown}`)
}

function checkName(name: string): void {
  if (typeof name === 'string' && isName(name)) return
  throw new ServeError('bad_option', `deployment name ${JSON.stringify(name)} is not usable: ${NAME_RULE}`)
}

function refuseUnsupported(name: string, given: OptionsInput): void {
  const used = unsupportedIn(given).map((path) => {
    const shown = showPath(camelPath(deploymentOptions, path))
    return shown === 'numReplicas' ? `${shown}: 'auto'` : shown
  })
  if (used.length === 0) return
  throw new ServeError(
    'option_unsupported',
    `deployment '${name}' uses ${used.join(', ')}, which batoid does not have yet: leave it out`,
  )
}
