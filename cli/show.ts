import { stringify } from 'yaml'
import type { ServeConfig } from '../shared/config/schema.ts'

/** A configuration as a file of Ray Serve's, one document. */
export function showConfig(config: ServeConfig | ServeConfig['applications'][number]): string {
  return stringify(config)
}
