import { closeSync, openSync, rmSync, statSync, writeSync } from 'node:fs'
import { Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import type { Clock, Instant } from '../shared/clock.ts'
import { messageOf } from '../shared/errors.ts'
import { type DeploymentId, deploymentName, type ReplicaId } from '../shared/ids.ts'
import { logFileName } from '../shared/log.ts'
import { isAlive, REPLICA_ID } from '../shared/members.ts'
import { nameOutput, outputFile, showExit, startProcess } from '../shared/output.ts'
import {
  logDirectory,
  outputDirectory,
  replicaFrozen,
  replicaSocket,
  replicaStarted,
  type Session,
} from '../shared/session.ts'
import { REPLICA_SETTINGS_FD, type ReplicaSettings } from '../shared/settings.ts'
import { removeSocket } from '../shared/socket-files.ts'
import type { ReplicaFacts } from './details.ts'
import type { Which } from './effects.ts'
import { lastLinesOf, memoryOf, type Obituary } from './obituary.ts'

const REPLICA_MAIN = fileURLToPath(new URL('../replica/main.js', import.meta.url))
/** A process that is not our child announces its end to nobody, so it is looked for. */
const LOOK_MS = 200
/** How often the memory of the replicas is noted, so that it can be told afterwards. */
const SAMPLE_MS = 1_000
/** Of so many that have gone it is still known what they were. */
const REMEMBERED = 100

export interface Running extends Which {
  /** undefined: the system would not start it, which it says in a moment. */
  readonly pid: number | undefined
  readonly since: Instant
  /** Unix time. */
  readonly startedAtMs: number
  memoryBytes?: number | undefined
}

/** The replica processes: started by this controller, or taken over from a former one. */
export class Processes {
  readonly #session: Session
  readonly #env: Readonly<Record<string, string | undefined>>
  readonly #clock: Clock
  readonly #date: () => number
  readonly #exited: (which: Which, obituary: Obituary) => void
  readonly #running = new Map<ReplicaId, Running>()
  readonly #ended = new Map<ReplicaId, ReplicaFacts>()

  constructor(options: {
    session: Session
    env: Readonly<Record<string, string | undefined>>
    clock: Clock
    /** Unix time in milliseconds. */
    date: () => number
    exited: (which: Which, obituary: Obituary) => void
  }) {
    this.#session = options.session
    this.#env = options.env
    this.#clock = options.clock
    this.#date = options.date
    this.#exited = options.exited
    this.#sample()
  }

  start(settings: ReplicaSettings): void {
    try {
      this.#start(settings)
    } catch (error) {
      // Later, as every other end: whoever starts a replica has not finished its turn.
      this.#running.set(settings.replica, { ...settings, pid: undefined, ...this.#now() })
      this.#clock.after(0, () => this.#gone(settings.replica, `it could not be started: ${messageOf(error)}`))
    }
  }

  #start(settings: ReplicaSettings): void {
    note(replicaStarted(this.#session, settings.replica), settings.deployment)
    const start = {
      command: process.execPath,
      args: [REPLICA_MAIN],
      cwd: settings.workingDir,
      env: {
        ...this.#env,
        ...settings.envVars,
        ...gpuEnvironment(settings),
        BATOID_SESSION_DIR: this.#session.directory,
        [REPLICA_ID]: settings.replica,
      },
      prefix: outputPrefix(settings.deployment),
      id: settings.replica,
      extra: ['pipe' as const],
    }
    const child = startProcess(start, outputDirectory(this.#session))
    // One that ends before it has read them tells so by its exit.
    const pipe = child.stdio[REPLICA_SETTINGS_FD]?.on('error', () => {})
    if (pipe instanceof Writable) pipe.end(JSON.stringify(settings))
    const { replica } = settings
    const gone = (how: string) => this.#gone(replica, how)
    child.once('error', (error) => gone(`it could not be started: ${error.message}`))
    child.once('exit', (code, signal) => gone(showExit(code, signal)))
    this.#running.set(replica, { replica, deployment: settings.deployment, pid: child.pid, ...this.#now() })
  }

  /** Looks after a replica that a former controller started; returns whether it still lives. */
  adopt(which: Which, pid: number): boolean {
    const { replica } = which
    if (this.#running.has(replica)) return true
    if (!isAlive(pid)) return false
    nameOutput(replica, this.#outputFile(which.deployment, pid))
    const now = this.#now()
    // The file was made just before it was started; the clock may have been set back since.
    const startedAtMs = modifiedAtMs(replicaStarted(this.#session, replica)) ?? now.startedAtMs
    const uptimeMs = Math.max(0, now.startedAtMs - startedAtMs)
    this.#running.set(replica, { ...which, pid, startedAtMs, since: now.since - uptimeMs })
    const look = () => {
      if (this.#running.get(replica)?.pid !== pid) return
      if (isAlive(pid)) this.#clock.after(LOOK_MS, look)
      else this.#gone(replica, 'unknown to this controller, which did not start it')
    }
    this.#clock.after(LOOK_MS, look)
    return true
  }

  /** Also of those that have gone, for some time. */
  factsOf(replica: ReplicaId): ReplicaFacts | undefined {
    const running = this.#running.get(replica)
    return running === undefined ? this.#ended.get(replica) : this.#factsOf(running)
  }

  #factsOf({ pid, replica, deployment: id, startedAtMs }: Running): ReplicaFacts | undefined {
    if (pid === undefined) return undefined
    const { application, deployment } = deploymentName(id)
    const file = logFileName(`replica_${application}_${deployment}_${replica}`)
    return { pid, startTimeS: startedAtMs / 1000, logFile: `${logDirectory(this.#session)}/${file}.log` }
  }

  running(): Iterable<Running> {
    return this.#running.values()
  }

  #now(): Pick<Running, 'since' | 'startedAtMs'> {
    return { since: this.#clock.now(), startedAtMs: this.#date() }
  }

  kill(replica: ReplicaId): void {
    const pid = this.#running.get(replica)?.pid
    if (pid === undefined) return
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      this.#gone(replica, 'it had gone already')
    }
  }

  killAll(): void {
    for (const replica of this.#running.keys()) this.kill(replica)
  }

  #sample(): void {
    for (const running of this.#running.values()) {
      if (running.pid !== undefined) running.memoryBytes = memoryOf(running.pid) ?? running.memoryBytes
    }
    this.#clock.after(SAMPLE_MS, () => this.#sample())
  }

  #remember(running: Running): void {
    const facts = this.#factsOf(running)
    if (facts !== undefined) this.#ended.set(running.replica, facts)
    for (const eldest of [...this.#ended.keys()].slice(0, -REMEMBERED)) this.#ended.delete(eldest)
  }

  #obituary({ deployment: id, pid, since, memoryBytes }: Running, how: string): Obituary {
    const lastLines = pid === undefined ? [] : lastLinesOf(this.#outputFile(id, pid))
    return { how, uptimeMs: this.#clock.now() - since, memoryBytes, lastLines }
  }

  #outputFile(deployment: DeploymentId, pid: number): string {
    return outputFile(outputDirectory(this.#session), outputPrefix(deployment), pid)
  }

  #gone(replica: ReplicaId, how: string): void {
    const running = this.#running.get(replica)
    if (running === undefined) return
    this.#running.delete(replica)
    this.#remember(running)
    removeSocket(replicaSocket(this.#session, replica))
    for (const file of [replicaStarted, replicaFrozen]) rmSync(file(this.#session, replica), { force: true })
    this.#exited(running, this.#obituary(running, how))
  }
}

/** On a full disk an empty file must do, which takes no room. */
function note(file: string, text: string): void {
  const fd = openSync(file, 'w', 0o600)
  try {
    writeSync(fd, text)
  } catch {
    // Who reads it does without.
  } finally {
    closeSync(fd)
  }
}

function outputPrefix(id: DeploymentId): string {
  const { application, deployment } = deploymentName(id)
  return `ServeReplica:${application}:${deployment}`
}

/** A replica sees its own GPUs alone; one that asked for none sees what the controller sees, as in the reference. */
function gpuEnvironment({ allotment: { gpus } }: ReplicaSettings): Readonly<Record<string, string>> {
  return gpus.length === 0 ? {} : { CUDA_VISIBLE_DEVICES: gpus.join(',') }
}

function modifiedAtMs(file: string): number | undefined {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs
}
