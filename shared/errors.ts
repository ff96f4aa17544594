/** Every way in which batoid says no. One code has one meaning and one exit or HTTP status. */
export type ErrorCode = keyof typeof catalogue

interface Kind {
  /** The exit code of a command that fails this way: 1 defect, 2 bad configuration, 3 user module failed to load. */
  readonly exit: 1 | 2 | 3
  /** What to look at, for docs/errors.md. */
  readonly means: string
}

export const catalogue = {
  internal: { exit: 1, means: 'A defect in batoid, or a process of it that keeps dying.' },
  channel_closed: { exit: 1, means: 'The other process went away before it answered.' },
  channel_timeout: { exit: 1, means: 'The other process did not answer in time.' },
  message_too_large: { exit: 1, means: 'A control message is over 1 MiB.' },
  message_invalid: { exit: 1, means: 'A control message is not one that its sender may send.' },
  version_mismatch: {
    exit: 2,
    means: 'Two processes of one cluster run different versions of batoid.',
  },
  unsupported_node: { exit: 2, means: 'Node.js is older than 20.19.' },
  bad_usage: {
    exit: 2,
    means: 'An unknown command or option, or a value that an option does not take.',
  },
  bad_config: { exit: 2, means: 'A configuration file cannot be read, or says something that is not allowed.' },
  bad_arguments: { exit: 2, means: 'The arguments of an application are not those that its builder takes.' },
  bad_option: { exit: 2, means: 'A deployment option has a wrong value, or does not exist.' },
  option_unsupported: {
    exit: 2,
    means: 'A deployment option of Ray Serve that batoid does not have yet.',
  },
  duplicate_deployment: { exit: 2, means: 'Two deployments of one application have the same name.' },
  session_unusable: {
    exit: 2,
    means: 'The session directory cannot be created, written, or is in use.',
  },
  path_too_long: { exit: 2, means: 'A socket path is over the 107 bytes that the kernel takes.' },
  port_unavailable: { exit: 2, means: 'The HTTP address is in use or may not be bound.' },
  tls_unusable: {
    exit: 2,
    means: 'A file of TLS cannot be read, or the private key, its password and the certificate do not belong together.',
  },
  no_cluster: { exit: 2, means: 'No cluster runs where a command looks for one, or it does not answer.' },
  refused: { exit: 2, means: 'A cluster does not do what a command asks for.' },
  bad_procfile: { exit: 2, means: 'The Procfile has a line that is not `name: command`.' },
  bad_import_path: { exit: 2, means: 'The import path is not `module:export`.' },
  module_not_found: { exit: 3, means: 'No file belongs to the module of the import path.' },
  module_failed: {
    exit: 3,
    means: 'The module of the import path threw while it was loaded, or does not parse.',
  },
  export_not_found: { exit: 3, means: 'The module has no export of that name.' },
  not_an_application: { exit: 3, means: 'The export is not what `deployment(...).bind()` returns.' },
  constructor_failed: { exit: 3, means: 'The factory or class of a deployment threw in the replica.' },
  not_servable: { exit: 3, means: 'What the factory returned has neither `fetch(request)` nor `call(request)`.' },
  unhealthy: { exit: 1, means: '`checkHealth()` of a replica threw, or did not end within `healthCheckTimeoutS`.' },
  frozen: { exit: 1, means: 'A replica did not answer for longer than `frozenTimeoutS`, and was killed.' },
  start_timeout: { exit: 3, means: 'A replica was not ready within `startTimeoutS`.' },
  checkpoint_failed: { exit: 1, means: 'What shall run could not be written to the session directory.' },
  shutting_down: { exit: 2, means: 'A cluster that is told to shut down is told to run something.' },
  deploy_failed: { exit: 3, means: 'An application could not be brought up.' },
} satisfies Record<string, Kind>

/** An error as it crosses a process boundary: plain data, without a stack of ours. */
export interface ErrorReport {
  readonly code: ErrorCode
  readonly message: string
  /** The stack of the user's own error, where user code threw. */
  readonly stack?: string | undefined
}

/** What batoid throws. The message says what was attempted, on what, with what, and what to do. */
export class ServeError extends Error {
  /** A user's module and the process that loads it may each have a copy of this class. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return (
      typeof value === 'object' && value !== null && 'name' in value && value.name === 'ServeError' && 'code' in value
    )
  }

  readonly code: ErrorCode
  /** The stack of the user's own error, where user code threw. */
  readonly userStack: string | undefined

  constructor(code: ErrorCode, message: string, options: { cause?: unknown; userStack?: string | undefined } = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined)
    this.name = 'ServeError'
    this.code = code
    this.userStack = options.userStack
  }
}

/** So much of a text crosses: whoever refused a message for its length would know less than its beginning says. */
const LONGEST_TEXT = 8_000

export function report(error: unknown): ErrorReport {
  const message = shortened(messageOf(error))
  if (error instanceof ServeError) return { code: error.code, message, stack: shortened(error.userStack) }
  return { code: 'internal', message, stack: shortened(error instanceof Error ? error.stack : undefined) }
}

function shortened<T extends string | undefined>(text: T): T | string {
  if (text === undefined || text.length <= LONGEST_TEXT) return text
  return `${text.slice(0, LONGEST_TEXT)}… (${text.length - LONGEST_TEXT} more characters)`
}

/** Anything may be thrown, and anything be called a message. */
export function messageOf(error: unknown): string {
  const message: unknown = error instanceof Error ? error.message : error
  if (typeof message !== 'object' || message === null) return String(message)
  try {
    // In a list, since what an object says of itself may be nothing.
    return JSON.stringify([message]).slice(1, -1)
  } catch {
    return Object.prototype.toString.call(message)
  }
}
