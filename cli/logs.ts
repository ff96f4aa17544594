import { existsSync, readdirSync } from 'node:fs'
import type { Clock } from '../shared/clock.ts'
import { messageOf, ServeError } from '../shared/errors.ts'
import { logDirectory, outputDirectory, type Session } from '../shared/session.ts'
import { choose, type Choice, type Entry, entriesOf, inOrder } from './log-entries.ts'
import { LogFiles } from './log-files.ts'
import { outputSource } from './prefix.ts'

const LOOK_MS = 250
const PIECE_LENGTH = 64 * 1024

export interface Showing {
  /** Returns once it is written; says whether anybody still reads. */
  readonly print: (text: string) => Promise<boolean>
  readonly clock: Clock
  readonly follow: Promise<unknown> | undefined
}

/**
 * Prints what the log files of a session hold, in the order of its times; until `follow`, also what is added.
 * @throws ServeError `no_cluster` or `session_unusable`
 */
export async function showLogs(session: Session, choice: Choice, { print, clock, follow }: Showing): Promise<void> {
  const files = new LogFiles(logDirectory(session))
  let isStopped = false
  void follow?.then(() => (isStopped = true))
  const look = async (): Promise<boolean> => {
    for (const text of inPieces(inOrder(added(files, session, choice)))) {
      if (isStopped || !(await print(text))) return false
    }
    return follow !== undefined && !isStopped
  }
  while (await look()) await new Promise<void>((settle) => void clock.after(LOOK_MS, settle))
}

function added(files: LogFiles, session: Session, choice: Choice): Iterable<Entry>[] {
  try {
    const deployments = deploymentsOf(session)
    const processes = files.added((stem) => choose(stem, choice, deployments))
    return processes.map((texts) => entriesWith(choice.request, texts))
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') throw noSession(session)
    throw new ServeError('session_unusable', `cannot read the logs of ${session.directory}: ${messageOf(error)}`)
  }
}

function noSession({ directory }: Session): ServeError {
  const what = `no cluster has logged in ${directory}`
  return new ServeError('no_cluster', `${what}: start one with batoid run, or say where it is with --session-dir`)
}

const REPLICA_OUTPUT = 'ServeReplica:'

/** Of which there have been replicas, `application:deployment` each, as the names of their output files tell. */
function deploymentsOf(session: Session): string[] {
  const directory = outputDirectory(session)
  const files = existsSync(directory) ? readdirSync(directory) : []
  const names = files.map((file) => outputSource(file)?.name ?? '')
  return names.filter((name) => name.startsWith(REPLICA_OUTPUT)).map((name) => name.slice(REPLICA_OUTPUT.length))
}

function* entriesWith(request: string | undefined, texts: Iterable<string>): Generator<Entry> {
  for (const entry of entriesOf(texts)) {
    if (request === undefined || entry.text.includes(request)) yield entry
  }
}

// Whole lines, many at once.
function* inPieces(entries: Iterable<Entry>): Generator<string> {
  let piece = ''
  for (const { text } of entries) {
    piece += `${text}\n`
    if (piece.length < PIECE_LENGTH) continue
    yield piece
    piece = ''
  }
  if (piece !== '') yield piece
}
