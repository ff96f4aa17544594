import fs from 'node:fs'
import { basename, join } from 'node:path'
import winston from 'winston'
import { type CallSite, callerOf } from './call-site.ts'
import type { Clock } from './clock.ts'
import { LOGGING_DEFAULTS } from './config/defaults.ts'
import { messageOf } from './errors.ts'
import { Batch, Sink, type Target, type Urgency } from './log-batch.ts'
import { escapeInline, type Level, type Lines, logLines, printLines, showHeader } from './log-format.ts'
import { type Identity, jsonLine } from './log-json.ts'
import type { LoggingConfig } from './config/resolved.ts'
import { RotatingFile } from './rotating-file.ts'

export type { Level } from './log-format.ts'

// The class is there; winston's own types have lost it.
declare module 'winston' {
  // oxlint-disable-next-line no-unused-vars -- for winston, not for us
  const Transport: new (options: { log: (info: Entry) => void }) => winston.Logger['transports'][number]
}

export interface About {
  readonly requestId?: string | undefined
  /** Not to be seen on the terminal. */
  readonly fileOnly?: boolean
  /** The route of the request. */
  readonly route?: string | undefined
  /** Where it was written, if that is not where the log is called; called at once, or not at all. */
  readonly site?: () => CallSite | undefined
  /** One of many, as the lines of requests are: it can wait for others, since each write would cost more than its request. */
  readonly isFrequent?: boolean
}

/** What a process says. Nothing here throws or blocks, whatever happens to disk and terminal. */
export interface Log {
  debug(message: string, about?: About): void
  info(message: string, about?: About): void
  warning(message: string, about?: About): void
  error(message: string, about?: About): void
  /** The line of a request, which may be switched off. */
  access(message: string, about?: About): void
  /** What user code printed: complete lines, without the end of the last one. No level hides it. */
  print(text: string, stream: 'stdout' | 'stderr', about?: About): void
  /** From now on it logs so. A directory that cannot be used is complained of, and the one before goes on. */
  configure(config: LoggingConfig): void
  /** Writes out what is buffered, synchronously. */
  flush(): void
  /** Writes out what is buffered. What is logged later still goes out, each line at once. */
  close(): Promise<void>
}

export interface LogOptions {
  /** Component and id, as `controller 31163`. */
  readonly component: string
  /** The complete log; its directory exists. */
  readonly file?: string
  /** What the terminal shows. `path` is where the descriptor's file lies, if it is a regular file, which may then be rotated. */
  readonly output: { readonly fd: number; readonly path?: string } | undefined
  readonly level: Level
  /** What JSON lines say of the process. */
  readonly identity?: Identity
  /** Milliseconds since the epoch. */
  readonly now: () => number
  readonly clock: Clock
  readonly maxFileBytes?: number
  /** The log file and its predecessors. */
  readonly maxFiles?: number
}

const MAX_FILE_BYTES = 10_000_000
const MAX_FILES = 10

/** `PRINT` ranks with `ERROR`: what user code prints is never held back. */
const LEVELS = { PRINT: 0, ERROR: 0, WARNING: 1, INFO: 2, DEBUG: 3 }

/** One call, on its way through winston; its format adds the lines. */
type Entry = {
  level: Level | 'PRINT'
  message: string
  shownLevel: Level
  about: About
  site: CallSite | undefined
  lines: Lines
}

const NO_LINES: Lines = { file: '', output: '' }
const NOTHING: About = {}

const RANKS: Readonly<Record<LoggingConfig['logLevel'], number>> = {
  DEBUG: 0,
  INFO: 1,
  WARNING: 2,
  ERROR: 3,
  CRITICAL: 4,
}

/** One per process: it takes the descriptor of the output for itself. */
export function openLog(options: LogOptions): Log {
  const batch = openBatch(options)
  const state: State = { ...LOGGING_DEFAULTS, logLevel: options.level }
  const { logger, show } = openLogger(options, batch, state)
  let closed: Promise<void> | undefined
  const onExit = () => batch.end()
  process.once('exit', onExit)

  const write = (entry: Entry): void => {
    if (closed === undefined) logger.log(entry)
    else batch.add(show(entry), 'now')
  }
  const close = async (): Promise<void> => {
    await finish(logger)
    batch.close()
    process.off('exit', onExit)
  }
  const voices = openVoices(state, write)
  return {
    ...voices,
    configure(config) {
      const problem = config.logsDir === state.logsDir ? undefined : moveFile(options, batch, config.logsDir)
      Object.assign(state, problem === undefined ? config : { ...config, logsDir: state.logsDir })
      if (problem !== undefined) voices.warning(problem)
    },
    flush: () => batch.flush(),
    close: () => {
      closed ??= close()
      return closed
    },
  }
}

/** All that makes an entry. */
function openVoices(
  state: Readonly<State>,
  write: (entry: Entry) => void,
): Pick<Log, 'debug' | 'info' | 'warning' | 'error' | 'access' | 'print'> {
  const voice = (level: Level, isWanted = () => true) => {
    const say = (message: string, about = NOTHING): void => {
      if (RANKS[level] < RANKS[state.logLevel] || !isWanted()) return
      const site = state.encoding === 'JSON' ? callerOf(say) : undefined
      write({ level, message, shownLevel: level, about, site, lines: NO_LINES })
    }
    return say
  }
  return {
    debug: voice('DEBUG'),
    info: voice('INFO'),
    warning: voice('WARNING'),
    error: voice('ERROR'),
    access: voice('INFO', () => state.enableAccessLog),
    print(message, stream, about = NOTHING) {
      const site = state.encoding === 'JSON' ? about.site?.() : undefined
      const shownLevel = stream === 'stdout' ? 'INFO' : 'WARNING'
      write({ level: 'PRINT', message, shownLevel, about, site, lines: NO_LINES })
    },
  }
}

function finish(logger: winston.Logger): Promise<void> {
  const finished = new Promise<void>((resolve) => logger.once('finish', resolve))
  logger.end()
  return finished
}

/** As it is configured now. */
type State = { -readonly [Key in keyof LoggingConfig]: LoggingConfig[Key] }

/** Says what is wrong, if it is. */
function moveFile(options: LogOptions, batch: Batch, directory: string | null): string | undefined {
  const { file } = options
  if (file === undefined) return undefined
  try {
    if (directory !== null) fs.mkdirSync(directory, { recursive: true, mode: 0o700 })
    batch.redirect(fileSink(options, directory === null ? file : join(directory, basename(file))))
    return undefined
  } catch (error) {
    return `cannot log to ${directory}: ${messageOf(error)}; the log goes on where it was`
  }
}

function openLogger(
  options: LogOptions,
  batch: Batch,
  state: State,
): { logger: winston.Logger; show: (entry: Entry) => Lines } {
  const component = escapeInline(options.component)
  const { identity = {} } = options
  const show = ({ level, message, shownLevel, about, site }: Entry): Lines => {
    const nowMs = options.now()
    const header = showHeader({ level: shownLevel, nowMs, component, requestId: about.requestId })
    const lines = level === 'PRINT' ? printLines(header, message) : logLines(header, message)
    const file =
      state.encoding === 'TEXT' ? lines.file : jsonLine(identity, { ...about, site, level: shownLevel, nowMs, message })
    return { file, output: about.fileOnly ? '' : lines.output }
  }
  const format = winston.format((info) => {
    if (isEntry(info)) info.lines = show(info)
    return info
  })()
  const log = ({ level, lines, about }: Entry) => batch.add(lines, urgencyOf(level, about))
  const transport = new winston.Transport({ log })
  // Writable.write would leave a tick behind for every line: a loop that prints a million in one turn grew by 250 MB.
  transport.write = (entry: Entry) => {
    log(entry)
    return true
  }
  // Which levels are shown may change at any time, and is asked before.
  const logger = winston.createLogger({ levels: LEVELS, level: 'DEBUG', format, transports: [transport] })
  // For the same reason, and since those ticks cost as much as the rest of the line. The format passes on what it gets.
  logger.write = (entry: Entry) => transport.write(format.transform(entry))
  return { logger, show }
}

function urgencyOf(level: Entry['level'], { fileOnly, isFrequent }: About): Urgency {
  if (level === 'ERROR') return 'now'
  return fileOnly === true || isFrequent === true ? 'whenever' : 'soon'
}

// Always so, but winston's types do not carry through what is logged.
const isEntry = (info: object): info is Entry => 'lines' in info

function openBatch(options: LogOptions): Batch {
  const { file, output, clock, maxFileBytes = MAX_FILE_BYTES } = options
  const sinks = {
    file: file === undefined ? undefined : fileSink(options, file),
    output: output && new Sink(outputTarget(output, maxFileBytes), lossLine(options)),
  }
  return new Batch(sinks, clock)
}

function fileSink(options: LogOptions, path: string): Sink {
  const { maxFileBytes: maxBytes = MAX_FILE_BYTES, maxFiles = MAX_FILES } = options
  return new Sink(new RotatingFile({ path, maxBytes, maxFiles }), lossLine(options))
}

function lossLine({ component, now }: LogOptions): (message: string) => string {
  return (message) =>
    `${showHeader({ level: 'WARNING', nowMs: now(), component: escapeInline(component) })}${message}\n`
}

function outputTarget({ fd, path }: NonNullable<LogOptions['output']>, maxBytes: number): Target {
  if (path !== undefined && fs.fstatSync(fd).isFile()) return new RotatingFile({ fd, path, maxBytes, maxFiles: 2 })
  // Node makes a pipe non-blocking when it opens a stream for it: a reader that stands still costs lines, not the process.
  if (fd === 1) process.stdout.on('error', () => {})
  return { write: (batch) => fs.writeSync(fd, batch), close: () => {} }
}

/** As Ray names its log files: what a file system may not like becomes `_`. */
export function logFileName(name: string): string {
  return name.replace(/[<>:"/\\|?*]|[^\x20-\x7e]/gu, '_')
}
