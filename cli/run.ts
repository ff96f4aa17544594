import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Build } from '../shared/build.ts'
import { Builds } from '../shared/builds.ts'
import { type Channel, dialChannel } from '../shared/channel-client.ts'
import { systemClock } from '../shared/clock.ts'
import { type ErrorReport, messageOf, report, ServeError } from '../shared/errors.ts'
import type { Random } from '../shared/ids.ts'
import { CONTROLLER_GRACE_MS, EXIT_GRACE_MS, PROXY_GRACE_MS } from '../shared/leaving.ts'
import { holdLifeline, type Lifeline } from '../shared/lifeline.ts'
import type { Log } from '../shared/log.ts'
import { PROTOCOL, type Status, type ToLauncher } from '../shared/protocol.ts'
import type { ApplicationStatus } from '../shared/statuses.ts'
import { withoutSecrets } from '../shared/secrets.ts'
import { controllerSocket, lifelineSocket, outputDirectory } from '../shared/session.ts'
import { removeSockets } from '../shared/socket-files.ts'
import { VERSION } from '../shared/version.ts'
import { Keeper } from './keeper.ts'
import { type Follower, followOutput } from './log-follower.ts'
import type { Plan } from './plan.ts'
import { parseProcfile } from './procfile.ts'
import { Sockets, type SocketsOptions } from './sockets.ts'
import type { Standing } from './standing.ts'

/** dist/cli/run.js → the directory of the package. */
const PACKAGE_DIRECTORY = fileURLToPath(new URL('../..', import.meta.url))
const DEPLOY_TIMEOUT_MS = 10_000

export interface RunOptions extends SocketsOptions {
  readonly applications: readonly Build[]
  readonly requests: Plan['requests']
  readonly log: Log
  readonly random: Random
  readonly print: (prefix: { readonly name: string; readonly pid: number }, line: string) => void
}

/** One cluster and its applications, from its start to its end. */
export class Run {
  readonly #options: RunOptions
  readonly #sockets: Sockets
  readonly #keeper: Keeper
  readonly #follower: Follower
  /** Rejects with the first thing that makes going on pointless. */
  readonly failed: Promise<never>
  #fail: (error: ServeError) => void = () => {}
  #lifeline: Lifeline | undefined
  #killed: Promise<void> | undefined
  #channel: Channel | undefined
  #builds: Builds | undefined
  #requests: Plan['requests']
  #isStopping = false
  #status: Status = { type: 'status', proxies: 0, applications: [] }
  readonly #waiting = new Set<() => void>()

  constructor(options: RunOptions) {
    const { session, log, print } = options
    this.#options = options
    this.#requests = options.requests
    this.#sockets = new Sockets(options)
    this.failed = new Promise((_, reject) => {
      this.#fail = reject
    })
    this.failed.catch(() => undefined)
    this.#follower = followOutput({ directory: outputDirectory(session), print, clock: systemClock })
    this.#keeper = new Keeper({
      session,
      directory: PACKAGE_DIRECTORY,
      clock: systemClock,
      random: options.random,
      restarting: (name, how, delayMs) =>
        log.warning(
          `The ${name} died: ${how}. Starting it again${delayMs > 0 ? ` in ${Math.round(delayMs)} ms` : ''}.`,
        ),
      hopeless: (name, how) =>
        this.#fail(new ServeError('bad_usage', `the ${name} cannot run: ${how}; its last lines say why`)),
    })
  }

  #place(routePrefix: string | null): string {
    return routePrefix === null ? '' : ` at ${this.#sockets.url(routePrefix)}`
  }

  /**
   * Brings the applications up; resolves when requests are answered, or for some never will be. Rejects, like `failed`,
   * when nothing is left to be answered.
   */
  async start(): Promise<void> {
    const { session, log, applications, proxies } = this.#options
    this.#lifeline = await holdLifeline(lifelineSocket(session))
    for (const one of this.#standing()) this.#keeper.start(one)
    this.#builds = this.#build(applications)
    this.#dial()
    await this.#until((status) => status.proxies >= proxies)
    log.info('Started Serve in namespace "serve".')
    if (applications.length === 0) await this.#deploy(false)
    const all = applications.map((application) => this.#bring(application))
    const problems = (await Promise.race([Promise.all(all), this.failed])).filter((problem) => problem !== undefined)
    if (problems.length === all.length && problems[0] !== undefined) throw problems[0]
  }

  /** What is wrong with one application is no reason to give the others up. */
  async #bring({ name, routePrefix }: Build): Promise<Error | undefined> {
    const { log, proxies, applications } = this.#options
    try {
      await this.#built(name)
      const isRouted = (status: Status) => proxies === 0 || own(status, name)?.routed === true
      const settled = await this.#until((status) => isRouted(status) && isSettled(own(status, name)))
      const { status, message } = own(settled, name) ?? {}
      if (status !== 'RUNNING')
        throw new ServeError('deploy_failed', `Deploying application '${name}' failed: ${message}`)
      log.info(`Application '${name}' is ready${proxies === 0 ? '' : this.#place(routePrefix)}.`)
      return undefined
    } catch (error) {
      const { message, stack } = report(error)
      const trace = stack === undefined ? message : `${stack}\n${message}`
      if (applications.length > 1 && !this.#isStopping)
        log.error(`Deploying app '${name}' failed with exception:\n${trace}`)
      return error instanceof Error ? error : new ServeError('internal', message)
    }
  }

  /**
   * Puts what is asked for now in the place of what runs. Rejects if some of it cannot be built: what ran under its name
   * goes on.
   */
  async reload({ applications, requests }: Pick<Plan, 'applications' | 'requests'>): Promise<void> {
    this.#builds?.kill()
    const builds = this.#build(applications)
    this.#builds = builds
    const results = await Promise.allSettled(applications.map(({ name }) => builds.resultOf(name)))
    if (this.#builds !== builds || this.#isStopping) return
    this.#requests = requests
    await this.#deploy(false)
    for (const result of results) if (result.status === 'rejected') throw result.reason
  }

  #build(applications: readonly Build[]): Builds {
    const env = withoutSecrets(this.#sockets.environment())
    return new Builds(applications, { session: this.#options.session, env, clock: systemClock })
  }

  /** Drains everything: no request is lost, no process left. */
  async stop(): Promise<void> {
    this.#isStopping = true
    this.#builds?.kill()
    this.#sockets.closeHttp()
    const proxies = this.#standing().flatMap(({ name, isProxy }) => (isProxy ? [name] : []))
    await this.#keeper.stop(proxies, PROXY_GRACE_MS + EXIT_GRACE_MS)
    await this.#channel?.request({ type: 'shutdown' }, { timeoutMs: CONTROLLER_GRACE_MS }).catch(() => undefined)
    await this.#keeper.stop(['controller'], EXIT_GRACE_MS)
    await this.kill()
  }

  /** Prints what the processes have written so far. */
  drainOutput(): void {
    this.#follower.drain()
  }

  /** Ends everything at once. */
  kill(): Promise<void> {
    this.#killed ??= this.#kill()
    return this.#killed
  }

  async #kill(): Promise<void> {
    this.#builds?.kill()
    this.#channel?.close()
    this.#sockets.close()
    await this.#keeper.killAll()
    for (const pid of this.#lifeline?.pids() ?? []) killIfAlive(pid)
    await this.#lifeline?.close()
    this.#follower.drain()
    this.#follower.close()
    removeSockets(this.#options.session)
  }

  #standing(): Standing[] {
    return this.#sockets.standing(parseProcfile(readFileSync(join(PACKAGE_DIRECTORY, 'Procfile'), 'utf8')))
  }

  #dial(): void {
    const { session, log, random } = this.#options
    this.#channel = dialChannel({
      path: controllerSocket(session),
      instance: randomUUID(),
      hello: () => ({ protocol: PROTOCOL, version: VERSION, pid: process.pid, role: { kind: 'launcher' } }),
      receive: (message) => {
        this.#status = message as ToLauncher
        for (const look of this.#waiting) look()
      },
      // A restarted controller may have lost what shall run.
      connected: () => void this.#deploy(true).catch((error: unknown) => log.warning(messageOf(error))),
      disconnected: () => {
        this.#status = { type: 'status', proxies: 0, applications: [] }
      },
      refused: (error: ErrorReport) => this.#fail(new ServeError(error.code, error.message)),
      problem: (text) => log.warning(text),
      clock: systemClock,
      random,
    })
  }

  /** The controller is told also of what cannot be built. */
  async #built(name: string): Promise<void> {
    try {
      await this.#builds?.resultOf(name)
    } finally {
      await this.#deploy(false)
    }
  }

  /** What has been built so far. */
  async #deploy(isReminder: boolean): Promise<void> {
    for (const request of this.#requests(this.#builds?.applications ?? []))
      await this.#channel?.request({ ...request, isReminder }, { timeoutMs: DEPLOY_TIMEOUT_MS })
  }

  async #until(holds: (status: Status) => boolean | undefined): Promise<Status> {
    const held = new Promise<Status>((resolve) => {
      const look = () => {
        if (!holds(this.#status)) return
        this.#waiting.delete(look)
        resolve(this.#status)
      }
      this.#waiting.add(look)
      look()
    })
    return await Promise.race([held, this.failed])
  }
}

function own({ applications }: Status, name: string): ApplicationStatus | undefined {
  return applications.find((application) => application.name === name)
}

function isSettled(application: ApplicationStatus | undefined): boolean {
  return application?.status === 'RUNNING' || application?.status === 'DEPLOY_FAILED'
}

/** It may have gone since it was last seen. */
function killIfAlive(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}
