import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type BuildProcess, startBuild } from '../shared/build.ts'
import { type Channel, dialChannel } from '../shared/channel-client.ts'
import { systemClock } from '../shared/clock.ts'
import { type ErrorReport, messageOf, ServeError } from '../shared/errors.ts'
import type { Random } from '../shared/ids.ts'
import { CONTROLLER_GRACE_MS, EXIT_GRACE_MS, PROXY_GRACE_MS } from '../shared/leaving.ts'
import { holdLifeline, type Lifeline } from '../shared/lifeline.ts'
import type { Log } from '../shared/log.ts'
import { type ApplicationSpec, PROTOCOL, type Status, type ToLauncher } from '../shared/protocol.ts'
import type { ApplicationStatus } from '../shared/statuses.ts'
import { controllerSocket, lifelineSocket, outputDirectory, type Session } from '../shared/session.ts'
import type { Environment, HttpAddress, HttpSettings } from '../shared/settings.ts'
import { removeSockets } from '../shared/socket-files.ts'
import { VERSION } from '../shared/version.ts'
import { Keeper } from './keeper.ts'
import { bindSocket, type ListeningSocket } from './listening-socket.ts'
import { type Follower, followOutput } from './log-follower.ts'
import { parseProcfile } from './procfile.ts'
import { type Standing, standing, withoutSecrets } from './standing.ts'

/** dist/cli/run.js → the directory of the package. */
const PACKAGE_DIRECTORY = fileURLToPath(new URL('../..', import.meta.url))
const DEPLOY_TIMEOUT_MS = 10_000

export interface RunOptions {
  readonly importPath: string
  readonly workingDir: string
  readonly name: string
  readonly routePrefix: string
  readonly address: HttpAddress
  readonly http: HttpSettings
  readonly session: Session
  readonly env: Environment
  readonly log: Log
  readonly random: Random
  readonly print: (prefix: { readonly name: string; readonly pid: number }, line: string) => void
}

/** One cluster with one application, from its start to its end. */
export class Run {
  readonly #options: RunOptions
  readonly #socket: ListeningSocket | undefined
  readonly #keeper: Keeper
  readonly #follower: Follower
  /** Rejects with the first thing that makes going on pointless. */
  readonly failed: Promise<never>
  #fail: (error: ServeError) => void = () => {}
  #lifeline: Lifeline | undefined
  #killed: Promise<void> | undefined
  #channel: Channel | undefined
  #build: BuildProcess | undefined
  #application: ApplicationSpec | undefined
  #status: Status = { type: 'status', proxies: 0, applications: [] }
  #onStatus: () => void = () => {}

  constructor(options: RunOptions) {
    const { session, log, print } = options
    this.#options = options
    this.#socket = bindSocket(options.address)
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

  get url(): string {
    const { routePrefix, http, address } = this.#options
    const { host, port } = this.#socket?.address ?? address
    return `${http.tls === null ? 'http' : 'https'}://${host.includes(':') ? `[${host}]` : host}:${port}${routePrefix}`
  }

  /** Brings the application up; resolves when requests are answered. Rejects, like `failed`, when that is not to be. */
  async start(): Promise<void> {
    const { session, log, importPath, workingDir, name, routePrefix, http } = this.#options
    this.#lifeline = await holdLifeline(lifelineSocket(session))
    for (const one of this.#standing()) this.#keeper.start(one)
    const at = { session, env: withoutSecrets(this.#environment()), clock: systemClock }
    this.#build = startBuild({ importPath, workingDir, name, routePrefix, rollback: false }, at)
    this.#build.result.catch(() => undefined)
    this.#dial()
    await this.#until(({ proxies }) => proxies >= http.proxy.count)
    log.info('Started Serve in namespace "serve".')
    this.#application = await Promise.race([this.#build.result, this.failed])
    await this.#deploy(false)
    const settled = await this.#until((status) => own(status, name)?.routed && isSettled(own(status, name)))
    const { status, message } = own(settled, name) ?? {}
    if (status !== 'RUNNING')
      throw new ServeError('deploy_failed', `Deploying application '${name}' failed: ${message}`)
    log.info(`Application '${name}' is ready at ${this.url}.`)
  }

  /** Drains everything: no request is lost, no process left. */
  async stop(): Promise<void> {
    this.#build?.kill()
    // Held any longer, it would let new connections wait for nobody.
    this.#socket?.close()
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
    this.#build?.kill()
    this.#channel?.close()
    this.#socket?.close()
    await this.#keeper.killAll()
    for (const pid of this.#lifeline?.pids() ?? []) killIfAlive(pid)
    await this.#lifeline?.close()
    this.#follower.drain()
    this.#follower.close()
    removeSockets(this.#options.session)
  }

  #standing(): Standing[] {
    const entries = parseProcfile(readFileSync(join(PACKAGE_DIRECTORY, 'Procfile'), 'utf8'))
    const sockets = this.#socket === undefined ? [] : [this.#socket.fd]
    return standing(entries, { env: this.#environment(), proxies: this.#options.http.proxy.count, sockets })
  }

  #environment(): Environment {
    const { env, session, address } = this.#options
    return {
      ...env,
      BATOID_LAUNCHED: '1',
      BATOID_SESSION_DIR: session.directory,
      BATOID_HTTP_HOST: address.host,
      BATOID_HTTP_PORT: String(this.#socket?.address.port ?? address.port),
    }
  }

  #dial(): void {
    const { session, log, random } = this.#options
    this.#channel = dialChannel({
      path: controllerSocket(session),
      instance: randomUUID(),
      hello: () => ({ protocol: PROTOCOL, version: VERSION, pid: process.pid, role: { kind: 'launcher' } }),
      receive: (message) => {
        this.#status = message as ToLauncher
        this.#onStatus()
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

  async #deploy(isReminder: boolean): Promise<void> {
    const application = this.#application
    if (application === undefined) return
    await this.#channel?.request({ type: 'deploy', application, isReminder }, { timeoutMs: DEPLOY_TIMEOUT_MS })
  }

  async #until(holds: (status: Status) => boolean | undefined): Promise<Status> {
    const held = new Promise<Status>((resolve) => {
      this.#onStatus = () => {
        if (holds(this.#status)) resolve(this.#status)
      }
      this.#onStatus()
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
