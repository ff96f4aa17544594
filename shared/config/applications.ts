import type { Build } from '../build.ts'
import type { Declaration, DeclaredApplication } from '../declaration.ts'
import type { LoggingConfig } from './resolved.ts'
import { LOGGING_DEFAULTS } from './defaults.ts'
import { resolveLogging } from './logging.ts'
import type { ApplicationConfig, ServeConfig } from './schema.ts'

/** What is to be built, and how it is to run; relative directories count from `directory`. */
export function applicationsOf(config: ServeConfig, directory: string): Build[] {
  return buildsOf(config.applications, loggingOf(config), directory)
}

/** `logging`: where an application says nothing of it. */
export function buildsOf(
  applications: readonly ApplicationConfig[],
  logging: LoggingConfig,
  directory: string,
): Build[] {
  return applications.map((application) => buildOf(application, logging, directory))
}

/** What is declared, as far as it has been built. */
export function declarationFrom(
  config: ServeConfig,
  id: string,
  applications: readonly DeclaredApplication[],
): Declaration {
  return {
    id,
    declared: config.applications,
    applications,
    targetCapacity: config.target_capacity,
    loggingConfig: loggingOf(config),
  }
}

/** How controller and proxies are to log. */
export function loggingOf({ logging_config: logging }: Pick<ServeConfig, 'logging_config'>): LoggingConfig {
  return logging === null ? LOGGING_DEFAULTS : resolveLogging(logging)
}

function buildOf(application: ApplicationConfig, logging: LoggingConfig, directory: string): Build {
  const { env_vars: envVars = {}, working_dir: workingDir = '' } = application.runtime_env
  return {
    name: application.name,
    routePrefix: application.route_prefix,
    importPath: application.import_path,
    workingDir: within(directory, workingDir),
    args: application.args,
    envVars,
    loggingConfig: application.logging_config === null ? logging : loggingOf(application),
    rollback: application.rollback,
    overrides: application.deployments,
  }
}

function within(directory: string, path: string): string {
  if (path === '' || path === '.') return directory
  return path.startsWith('/') ? path : `${directory}/${path}`
}
