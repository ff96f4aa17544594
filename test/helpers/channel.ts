import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { type DialChannelOptions, dialChannel } from '../../shared/channel-client.ts'
import { type Peer, type ServeChannelOptions, serveChannel } from '../../controller/channel-server.ts'
import { type Clock, systemClock } from '../../shared/clock.ts'
import { type ErrorReport, ServeError } from '../../shared/errors.ts'
import { type Hello, PROTOCOL } from '../../shared/protocol.ts'
import { eventually } from './eventually.ts'

export const HELLO: Hello = { protocol: PROTOCOL, version: '0.1.0', pid: 4711, role: { kind: 'launcher' } }
export const SOON = { timeoutMs: 10_000 }

/** Channels for the tests of the suite that calls this: closed after each test, which must leave no socket file. */
export function useChannels() {
  const bench = new Bench()
  beforeEach(() => bench.open())
  afterEach(() => bench.close())
  return bench
}

class Bench {
  directory = ''
  readonly #closing: (() => unknown)[] = []

  get path(): string {
    return join(this.directory, 'c.sock')
  }

  async open(): Promise<void> {
    this.directory = await mkdtemp(join(tmpdir(), 'channel-'))
  }

  async close(): Promise<void> {
    for (const close of this.#closing.splice(0).toReversed()) await close()
    const left = await readdir(this.directory)
    await rm(this.directory, { recursive: true })
    expect(left.filter((name) => name.endsWith('.sock'))).to.deep.equal([])
  }

  atEnd(close: () => unknown): void {
    this.#closing.push(close)
  }

  /** A server that answers every message with itself, and what has happened to it. */
  async serve(options: Partial<ServeChannelOptions> = {}) {
    const peers = new Set<Peer>()
    const problems: string[] = []
    const server = await serveChannel({
      path: this.path,
      version: '0.1.0',
      clock: systemClock,
      acceptHello: (raw) => Object.assign({}, HELLO, raw),
      connected: (peer) => void peers.add(peer),
      disconnected: (peer) => void peers.delete(peer),
      receive: (_peer, message) => message,
      problem: (text) => void problems.push(text),
      ...options,
    })
    this.atEnd(() => server.close())
    return { server, peers, problems, peer: () => eventually(() => [...peers][0]) }
  }

  /** A channel that answers every message with itself, and what has happened to it. */
  dial(options: Partial<DialChannelOptions> = {}) {
    const happened: string[] = []
    const problems: string[] = []
    const refusals: ErrorReport[] = []
    const channel = dialChannel({
      path: this.path,
      instance: randomUUID(),
      clock: systemClock,
      random: () => 0.5,
      hello: () => HELLO,
      receive: (message) => message,
      connected: () => void happened.push('connected'),
      disconnected: () => void happened.push('disconnected'),
      refused: (error) => void refusals.push(error),
      problem: (text) => void problems.push(text),
      ...options,
    })
    this.atEnd(() => channel.close())
    return { channel, happened, problems, refusals }
  }

  /** Runs `code`, which knows `path` and everything of the channel, in another process until the test ends. */
  run(code: string): { child: ChildProcess; output: () => string; kill(): Promise<void> } {
    const files = ['shared/channel-client', 'controller/channel-server', 'shared/clock', 'shared/protocol']
    const imports = files.map(
      (file) => `...await import(${JSON.stringify(new URL(`../../${file}.ts`, import.meta.url))})`,
    )
    const names = 'dialChannel, serveChannel, systemClock, PROTOCOL'
    const text = `const { ${names} } = { ${imports.join()} }; const path = ${JSON.stringify(this.path)}; ${code}`
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', text])
    let printed = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => void (printed += data))
    const kill = async () => {
      child.kill('SIGKILL')
      await eventually(() => child.exitCode !== null || child.signalCode !== null)
    }
    this.atEnd(kill)
    return { child, output: () => printed, kill }
  }
}

/** Code for `run`: a server that answers with its pid and the message, and dies of 'die'. */
export const SERVE = `
  const server = await serveChannel({
    path, version: '0.1.0', clock: systemClock, acceptHello: (hello) => hello,
    connected() {}, disconnected() {}, problem: console.error,
    receive: (peer, message) => message === 'die' ? process.kill(process.pid, 'SIGKILL') : [process.pid, message],
  })
  console.log('serving')`

/** Code for `run`: a channel that answers with the message. */
export const DIAL = `
  const channel = dialChannel({
    path, instance: 'child', clock: systemClock, random: Math.random,
    hello: () => ({ protocol: PROTOCOL, version: '0.1.0', pid: process.pid, role: { kind: 'proxy' } }),
    receive: (message) => message, connected() {}, disconnected() {}, refused() {}, problem: console.error,
  })`

/** Knows which timers are still running, and the delays of all that ever were. */
export function recordingClock(): Clock & { readonly running: Set<object>; readonly delaysMs: number[] } {
  const running = new Set<object>()
  const delaysMs: number[] = []
  const after: Clock['after'] = (delayMs, task) => {
    const timer = {}
    running.add(timer)
    delaysMs.push(delayMs)
    const cancel = systemClock.after(delayMs, () => {
      running.delete(timer)
      task()
    })
    return () => {
      running.delete(timer)
      cancel()
    }
  }
  return { now: () => systemClock.now(), after, running, delaysMs }
}

export async function errorOf(answer: Promise<unknown>): Promise<ServeError> {
  const error = await answer.then(
    () => undefined,
    (thrown) => thrown,
  )
  expect(error).to.be.instanceOf(ServeError)
  return error
}

/** One frame as node-ipc writes it. */
export function wire(type: unknown, data?: unknown): string {
  return `${JSON.stringify({ type, data })}\f`
}
