import fs from 'node:fs'
import winston from 'winston'
import type { Clock } from './clock.ts'
import { Batch, Sink, type Target, type Urgency } from './log-batch.ts'
import { escapeInline, type Level, type Lines, logLines, printLines, showHeader } from './log-format.ts'
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
  /** One of many, as the lines of requests are: it can wait for others, since each write would cost more than its request. */
  readonly isFrequent?: boolean
}

/** What a process says. Nothing here throws or blocks, whatever happens to disk and terminal. */
export interface Log {
  debug(message: string, about?: About): void
  info(message: string, about?: About): void
  warning(message: string, about?: About): void
  error(message: string, about?: About): void
  /** What user code printed: complete lines, without the end of the last one. No level hides it. */
  print(text: string, stream: 'stdout' | 'stderr', about?: About): void
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
  lines: Lines
}

const NO_LINES: Lines = { file: '', output: '' }
const NOTHING: About = {}

/** One per process: it takes the descriptor of the output for itself. */
export function openLog(options: LogOptions): Log {
  const batch = openBatch(options)
  const { logger, show } = openLogger(options, batch)
  let closed: Promise<void> | undefined
  const onExit = () => batch.end()
  process.once('exit', onExit)

  const write = (level: Level | 'PRINT', message: string, shownLevel: Level, about = NOTHING): void => {
    const entry = { level, message, shownLevel, about, lines: NO_LINES }
    if (closed === undefined) logger.log(entry)
    else batch.add(show(entry), 'now')
  }
  const writer = (level: Level) => {
    // Asked once: winston takes longer to answer than to log.
    const isEnabled = logger.isLevelEnabled(level)
    return (message: string, about?: About) => {
      if (isEnabled) write(level, message, level, about)
    }
  }
  const close = async (): Promise<void> => {
    const finished = new Promise<void>((resolve) => logger.once('finish', resolve))
    logger.end()
    await finished
    batch.close()
    process.off('exit', onExit)
  }
  return {
    debug: writer('DEBUG'),
    info: writer('INFO'),
    warning: writer('WARNING'),
    error: writer('ERROR'),
    print: (text, stream, about) => write('PRINT', text, stream === 'stdout' ? 'INFO' : 'WARNING', about),
    flush: () => batch.flush(),
    close: () => {
      closed ??= close()
      return closed
    },
  }
}

function openLogger(options: LogOptions, batch: Batch): { logger: winston.Logger; show: (entry: Entry) => Lines } {
  const component = escapeInline(options.component)
  const show = ({ level, message, shownLevel, about }: Entry): Lines => {
    const header = showHeader({ level: shownLevel, nowMs: options.now(), component, requestId: about.requestId })
    const lines = level === 'PRINT' ? printLines(header, message) : logLines(header, message)
    return about.fileOnly ? { file: lines.file, output: '' } : lines
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
  const logger = winston.createLogger({ levels: LEVELS, level: options.level, format, transports: [transport] })
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

function openBatch({ component, file, output, now, clock, ...limits }: LogOptions): Batch {
  const { maxFileBytes = MAX_FILE_BYTES, maxFiles = MAX_FILES } = limits
  const lossLine = (message: string) =>
    `${showHeader({ level: 'WARNING', nowMs: now(), component: escapeInline(component) })}${message}\n`
  const sinks = {
    file:
      file === undefined
        ? undefined
        : new Sink(new RotatingFile({ path: file, maxBytes: maxFileBytes, maxFiles }), lossLine),
    output: output && new Sink(outputTarget(output, maxFileBytes), lossLine),
  }
  return new Batch(sinks, clock)
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
