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
import { type FromLauncher, PROTOCOL, type Status, type ToLauncher } from '../shared/protocol.ts'
import { withoutSecrets } from '../shared/secrets.ts'
import { controllerSocket, lifelineSocket, outputDirectory } from '../shared/session.ts'
import { removeSockets } from '../shared/socket-files.ts'
import { VERSION } from '../shared/version.ts'
import { Keeper } from './keeper.ts'
import { type Follower, followOutput } from './log-follower.ts'
import type { Plan } from './plan.ts'
import type { Print } from './output-reader.ts'
import { parseProcfile } from './procfile.ts'
import { Sockets, type SocketsOptions } from './sockets.ts'
import type { Standing } from './standing.ts'
import { isSettled, statusIn, Statuses } from './statuses.ts'

/** dist/cli/run.js → the directory of the package. */
const PACKAGE_DIRECTORY = fileURLToPath(new URL('../..', import.meta.url))
const DEPLOY_TIMEOUT_MS = 10_000

export interface RunOptions extends SocketsOptions {
  readonly applications: readonly Build[]
  readonly orders: Plan['orders']
  readonly log: Log
  readonly random: Random
  /** Shows a line of a process; undefined: somebody else follows them. */
  readonly print: Print | undefined
  /** What is asked for has been told to the controller, perhaps not for the first time. */
  readonly submitted: () => void
  /** Somebody who may has asked for the end of the cluster. */
  readonly leave: (reason: string) => void
}

/** One cluster and its applications, from its start to its end. */
export class Run {
  readonly #options: RunOptions
  readonly #sockets: Sockets
  readonly #keeper: Keeper
  readonly #follower: Follower | undefined
  /** Rejects with the first thing that makes going on pointless. */
  readonly failed: Promise<never>
  #fail: (error: ServeError) => void = () => {}
  #lifeline: Lifeline | undefined
  #killed: Promise<void> | undefined
  #channel: Channel | undefined
  #builds: Builds | undefined
  #orders: Plan['orders']
  #isStopping = false
  readonly #statuses = new Statuses()

  constructor(options: RunOptions) {
    const { session, log, print } = options
    this.#options = options
    this.#orders = options.orders
    this.#sockets = new Sockets(options)
    this.failed = new Promise((_, reject) => {
      this.#fail = reject
    })
    this.failed.catch(() => undefined)
    const follow = { directory: outputDirectory(session), clock: systemClock }
    this.#follower = print === undefined ? undefined : followOutput({ ...follow, print })
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
    await this.#orderAll(false)
    const all = applications.map((application) => this.#bring(application))
    const problems = (await Promise.race([Promise.all(all), this.failed])).filter((problem) => problem !== undefined)
    if (problems.length === all.length && problems[0] !== undefined) throw problems[0]
  }

  /** What is wrong with one application is no reason to give the others up. */
  async #bring(application: Build): Promise<Error | undefined> {
    const { log, applications } = this.#options
    try {
      await this.#built(application.name)
      await this.#answered(application)
      return undefined
    } catch (error) {
      const { message, stack } = report(error)
      const trace = stack === undefined ? message : `${stack}\n${message}`
      if (applications.length > 1 && !this.#isStopping)
        log.error(`Deploying app '${application.name}' failed with exception:\n${trace}`)
      return error instanceof Error ? error : new ServeError('internal', message)
    }
  }

  /** Resolves when its requests are answered, or it has been replaced. */
  async #answered({ name, routePrefix }: Build): Promise<void> {
    const { log, proxies } = this.#options
    const builds = this.#builds
    const settled = await this.#until((status) => {
      const own = statusIn(status, name)
      return (proxies === 0 || own?.routed === true) && isSettled(own)
    })
    if (this.#builds !== builds) return
    const { status, message } = statusIn(settled, name) ?? {}
    if (status !== 'RUNNING')
      throw new ServeError('deploy_failed', `Deploying application '${name}' failed: ${message}`)
    const place = proxies === 0 || routePrefix === null ? '' : ` at ${this.#sockets.url(routePrefix)}`
    log.info(`Application '${name}' is ready${place}.`)
  }

  /**
   * Puts what is asked for now in the place of what runs. Rejects if some of it cannot be brought up: what ran under
   * its name goes on.
   */
  async reload({ applications, orders }: Pick<Plan, 'applications' | 'orders'>): Promise<void> {
    this.#builds?.kill()
    const builds = this.#build(applications)
    this.#builds = builds
    const isOver = () => this.#builds !== builds || this.#isStopping
    await Promise.allSettled(applications.map(({ name }) => builds.resultOf(name)))
    if (isOver()) return
    this.#orders = orders
    await this.#orderAll(false)
    const outcomes = await Promise.allSettled(
      applications.map((one) => builds.resultOf(one.name).then(() => this.#answered(one))),
    )
    if (isOver()) return
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
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
    this.#follower?.drain()
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
    this.#lifeline?.killAll()
    await this.#lifeline?.close()
    this.#follower?.drain()
    this.#follower?.close()
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
      receive: (message) => this.#hear(message as ToLauncher),
      // A restarted controller may have lost what shall run.
      connected: () => void this.#orderAll(true).catch((error: unknown) => log.warning(messageOf(error))),
      disconnected: () => this.#statuses.forget(),
      refused: (error: ErrorReport) => this.#fail(new ServeError(error.code, error.message)),
      problem: (text) => log.warning(text),
      clock: systemClock,
      random,
    })
  }

  #hear(message: ToLauncher): void {
    switch (message.type) {
      case 'status':
        return this.#statuses.heard(message)
      case 'leave':
        return this.#options.leave(message.reason)
    }
  }

  /** The controller is told also of what cannot be built. */
  async #built(name: string): Promise<void> {
    try {
      await this.#builds?.resultOf(name)
    } finally {
      await this.#order(this.#orders.news(this.#builds?.applications ?? []))
    }
  }

  async #orderAll(isReminder: boolean): Promise<void> {
    await this.#order(this.#orders.all(this.#builds?.applications ?? [], isReminder))
  }

  async #order(requests: readonly FromLauncher[]): Promise<void> {
    for (const request of requests) await this.#channel?.request(request, { timeoutMs: DEPLOY_TIMEOUT_MS })
    if (requests.length > 0) this.#options.submitted()
  }

  #until(holds: (status: Status) => boolean): Promise<Status> {
    return Promise.race([this.#statuses.until(holds), this.failed])
  }
}
