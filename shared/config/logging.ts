import * as z from 'zod'
import type { LoggingConfig } from './resolved.ts'
import { LOGGING_DEFAULTS } from './defaults.ts'

/** Python's names of levels, with their numbers: what a configuration may say, and what is shown at that level. */
const LEVELS = { CRITICAL: 50, FATAL: 50, ERROR: 40, WARN: 30, WARNING: 30, INFO: 20, DEBUG: 10, NOTSET: 0 }

const ranks = new Map<string, number>(Object.entries(LEVELS))
const levelNames = [...ranks.keys()]
const wrongLevel = ({ input }: { readonly input?: unknown }): string =>
  `Got "${String(input)}" for log_level. log_level must be one of [${levelNames.map((name) => `'${name}'`).join(', ')}].`
const isLevel = (level: string | number): boolean => typeof level === 'number' || ranks.has(level.toUpperCase())

/** Ray Serve's `logging_config`. */
export const loggingConfig = z
  .strictObject({
    encoding: z
      .enum(['TEXT', 'JSON'], {
        error: ({ input }) => `Got '${String(input)}' for encoding. Encoding must be one of ['JSON', 'TEXT'].`,
      })
      .describe('How lines look in the log files; the terminal always shows TEXT.'),
    log_level: z
      .union([z.string(), z.int()], { error: wrongLevel })
      .refine(isLevel, { error: wrongLevel })
      .describe(`The least level that is logged: ${levelNames.join(', ')}, in any case, or Python's number of one.`),
    logs_dir: z
      .string()
      .startsWith('/', 'must be an absolute path')
      .nullable()
      .describe('Where the log files lie, an absolute path; null: in the session directory.'),
    enable_access_log: z.boolean().describe('Whether every request gets a line.'),
    additional_log_standard_attrs: z
      .array(z.string())
      .max(0, "are attributes of Python's log records, which batoid does not have: leave them out")
      .describe("Attributes of Python's log records; batoid has none, so the list is empty."),
  })
  .partial()

export type LoggingInput = z.infer<typeof loggingConfig>

/** With every default filled in. */
export function resolveLogging(given: LoggingInput): LoggingConfig {
  const { encoding, log_level: level, logs_dir: directory, enable_access_log: access } = given
  return {
    encoding: encoding ?? LOGGING_DEFAULTS.encoding,
    logLevel: level === undefined ? LOGGING_DEFAULTS.logLevel : threshold(level),
    logsDir: directory ?? LOGGING_DEFAULTS.logsDir,
    enableAccessLog: access ?? LOGGING_DEFAULTS.enableAccessLog,
  }
}

/** Python's levels between those that we have. */
function threshold(level: string | number): LoggingConfig['logLevel'] {
  const rank = typeof level === 'number' ? level : (ranks.get(level.toUpperCase()) ?? LEVELS.NOTSET)
  if (rank <= LEVELS.DEBUG) return 'DEBUG'
  if (rank <= LEVELS.INFO) return 'INFO'
  if (rank <= LEVELS.WARNING) return 'WARNING'
  return rank <= LEVELS.ERROR ? 'ERROR' : 'CRITICAL'
}
