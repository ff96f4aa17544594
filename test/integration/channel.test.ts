import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { type Channel, type DialChannelOptions, dialChannel } from '../../shared/channel-client.ts'
import { type ChannelServer, type Peer, type ServeChannelOptions, serveChannel } from '../../shared/channel-server.ts'
import { type Clock, systemClock } from '../../shared/clock.ts'
import { type ErrorReport, ServeError } from '../../shared/errors.ts'
import { type Hello, PROTOCOL } from '../../shared/protocol.ts'
import { eventually } from '../helpers/eventually.ts'

const HELLO: Hello = { protocol: PROTOCOL, version: '0.1.0', pid: 4711, role: { kind: 'launcher' } }
const SOON = { timeoutMs: 5000 }
const MEGABYTE = 1_000_000

let directory: string
let path: string
let closing: (() => unknown)[]

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'channel-'))
  path = join(directory, 'c.sock')
  closing = []
})

afterEach(async () => {
  for (const close of closing.reverse()) await close()
  const left = await readdir(directory)
  await rm(directory, { recursive: true })
  expect(left.filter((name) => name.endsWith('.sock'))).to.deep.equal([])
})

/** A server that answers every message with itself, and what has happened to it. */
async function serve(options: Partial<ServeChannelOptions> = {}) {
  const peers = new Set<Peer>()
  const problems: string[] = []
  const server: ChannelServer = await serveChannel({
    path,
    version: '0.1.0',
    clock: systemClock,
    acceptHello: (raw) => raw as Hello,
    connected: (peer) => void peers.add(peer),
    disconnected: (peer) => void peers.delete(peer),
    receive: (_peer, message) => message,
    problem: (text) => void problems.push(text),
    ...options,
  })
  closing.push(() => server.close())
  return { server, peers, problems, peer: () => eventually(() => [...peers][0]) }
}

/** A channel that answers every message with itself, and what has happened to it. */
function dial(options: Partial<DialChannelOptions> = {}) {
  const happened: string[] = []
  const problems: string[] = []
  const refusals: ErrorReport[] = []
  const channel: Channel = dialChannel({
    path,
    instance: randomUUID(),
    clock: systemClock,
    random: Math.random,
    hello: () => HELLO,
    receive: (message) => message,
    connected: () => void happened.push('connected'),
    disconnected: () => void happened.push('disconnected'),
    refused: (error) => void refusals.push(error),
    problem: (text) => void problems.push(text),
    ...options,
  })
  closing.push(() => channel.close())
  return { channel, happened, problems, refusals }
}

/** Knows which timers are still running. */
function countingClock(): Clock & { readonly running: Set<object> } {
  const running = new Set<object>()
  const after: Clock['after'] = (delayMs, task) => {
    const timer = {}
    running.add(timer)
    const cancel = systemClock.after(delayMs, () => {
      running.delete(timer)
      task()
    })
    return () => {
      running.delete(timer)
      cancel()
    }
  }
  return { now: systemClock.now, after, running }
}

async function errorOf(answer: Promise<unknown>): Promise<ServeError> {
  const error = await answer.then(
    () => undefined,
    (thrown) => thrown,
  )
  expect(error).to.be.instanceOf(ServeError)
  return error
}

/** Runs `code`, which knows `path` and everything of the channel, in another process until the test ends. */
function run(code: string): { child: ChildProcess; output: () => string; kill(): Promise<void> } {
  const imports = ['channel-client', 'channel-server', 'clock', 'protocol'].map(
    (file) => `...await import(${JSON.stringify(new URL(`../../shared/${file}.ts`, import.meta.url))})`,
  )
  const names = 'dialChannel, serveChannel, systemClock, PROTOCOL'
  const text = `const { ${names} } = { ${imports.join()} }; const path = ${JSON.stringify(path)}; ${code}`
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', text])
  let printed = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => void (printed += data))
  const kill = async () => {
    child.kill('SIGKILL')
    await eventually(() => child.exitCode !== null || child.signalCode !== null)
  }
  closing.push(kill)
  return { child, output: () => printed, kill }
}

const SERVE = `
  await serveChannel({
    path, version: '0.1.0', clock: systemClock, acceptHello: (hello) => hello,
    connected() {}, disconnected() {}, problem: console.error,
    receive: (peer, message) => message === 'die' ? process.kill(process.pid, 'SIGKILL') : [process.pid, message],
  })
  console.log('serving')`

const DIAL = `
  const channel = dialChannel({
    path, instance: 'child', clock: systemClock, random: Math.random,
    hello: () => ({ protocol: PROTOCOL, version: '0.1.0', pid: process.pid, role: { kind: 'proxy' } }),
    receive: (message) => message, connected() {}, disconnected() {}, refused() {}, problem: console.error,
  })`

describe('a control channel', () => {
  it('answers requests both ways', async () => {
    const { peer } = await serve({ receive: (_peer, message) => ({ got: message }) })
    const { channel } = dial({ receive: async (message) => [message] })
    expect(await channel.request({ type: 'x', text: '\f\n\0 東京' }, SOON)).to.deep.equal({
      got: { type: 'x', text: '\f\n\0 東京' },
    })
    expect(await (await peer()).request('y', SOON)).to.deep.equal(['y'])
    expect(await channel.request(undefined, SOON)).to.deep.equal({})
  })

  it('gives the server what the client says of itself, anew at every connect', async () => {
    let phase = 0
    const { peer } = await serve()
    dial({ hello: () => ({ ...HELLO, pid: ++phase }) })
    const first = await peer()
    expect(first.hello).to.deep.equal({ ...HELLO, pid: 1 })
    first.close()
    expect(await eventually(async () => (await peer()) !== first && (await peer()).hello.pid)).to.equal(2)
  })

  it('carries errors to the one who asked, and reports defects on the spot', async () => {
    const fail = (message: unknown) => {
      throw message === 'no' ? new ServeError('bad_option', 'no such option') : new TypeError('x is\nundefined')
    }
    const { peer, problems } = await serve({ receive: (_peer, message) => fail(message) })
    const client = dial({ receive: fail })
    const { channel } = client
    expect(await errorOf(channel.request('no', SOON))).to.include({ code: 'bad_option', message: 'no such option' })
    expect(problems).to.deep.equal([])
    expect(await errorOf(channel.request({ type: 'go' }, SOON))).to.include({ code: 'internal' })
    expect(problems).to.deep.equal(["'go' could not be handled: x is\\u{a}undefined"])
    expect(await errorOf((await peer()).request('go', SOON))).to.include({ code: 'internal' })
    expect(client.problems).to.have.lengthOf(1)
  })

  it('gives up on a request after its time, and says whose answer is missing', async () => {
    const { peer } = await serve({ receive: () => new Promise(() => {}) })
    const { channel } = dial({ receive: () => new Promise(() => {}) })
    const late = await errorOf((await peer()).request({ type: 'drain' }, { timeoutMs: 20 }))
    expect(late.code).to.equal('channel_timeout')
    expect(late.message).to.equal("no answer to 'drain' from the launcher with pid 4711 within 20 ms")
    expect((await errorOf(channel.request('x', { timeoutMs: 20 }))).message).to.include(`the server of ${path} within`)
    const { channel: alone } = dial({ path: `${path}x` })
    expect((await errorOf(alone.request('x', { timeoutMs: 20 }))).message).to.include('(not connected)')
  })

  it('answers 2,000 requests made at once in the order of sending', async () => {
    const received: unknown[] = []
    await serve({ receive: (_peer, message) => received.push(message) })
    const { channel, happened } = dial()
    const answered: number[] = []
    const numbers = Array.from({ length: 2000 }, (_, index) => index)
    await Promise.all(numbers.map((number) => channel.request(number, SOON).then(() => answered.push(number))))
    expect(received).to.deep.equal(numbers)
    expect(answered).to.deep.equal(numbers)
    expect(happened).to.deep.equal(['connected'])
  })

  it('refuses what is too large or no JSON, connected or not, and goes on', async () => {
    const large = 'x'.repeat(1_100_000)
    const { channel, happened } = dial({ receive: () => large })
    const tooLarge = await errorOf(channel.request({ type: 'deploy', large }, SOON))
    expect(tooLarge.code).to.equal('message_too_large')
    expect(tooLarge.message).to.include("'deploy' was not sent: it is over 1048576 bytes")
    const { peer } = await serve({ receive: (_peer, message) => (message === 'large' ? large : message) })
    expect(await errorOf(channel.request(1n, SOON))).to.include({ code: 'message_invalid' })
    expect(await errorOf(channel.request('large', SOON))).to.include({ code: 'message_too_large' })
    expect(await errorOf((await peer()).request(large, SOON))).to.include({ code: 'message_too_large' })
    expect(await errorOf((await peer()).request('x', SOON))).to.include({ code: 'message_too_large' })
    expect(await channel.request('small', SOON)).to.equal('small')
    expect(happened).to.deep.equal(['connected'])
  })

  it('sends far more than the backlog that node-ipc allows without being hung up on', async () => {
    await serve({ receive: () => 'read' })
    const { channel, happened } = dial()
    const answers = Array.from({ length: 15 }, () => channel.request('x'.repeat(MEGABYTE), { timeoutMs: 30_000 }))
    expect(new Set(await Promise.all(answers))).to.deep.equal(new Set(['read']))
    expect(happened).to.deep.equal(['connected'])
  })

  it('takes more clients than node-ipc does by default', async () => {
    const { peers } = await serve()
    const clients = Array.from({ length: 150 }, () => dial())
    const answers = clients.map(({ channel }, index) => channel.request(index, SOON))
    expect(await Promise.all(answers)).to.deep.equal(clients.map((_, index) => index))
    expect(peers.size).to.equal(150)
  })
})

describe('a control channel whose connection breaks', () => {
  it('waits for a server that is not there yet', async () => {
    const { channel } = dial()
    const answer = channel.request('early', SOON)
    await serve()
    expect(await answer).to.equal('early')
  })

  it('has what the killed server did not answer answered by the next one, which replaces its dead socket', async () => {
    const killed = run(SERVE)
    await eventually(() => killed.output().includes('serving'))
    const { channel, happened } = dial()
    expect(await channel.request('x', SOON)).to.deep.equal([killed.child.pid, 'x'])
    const answers = [channel.request('die', SOON)]
    await eventually(() => happened.includes('disconnected'))
    answers.push(channel.request('away', SOON))
    expect(await readdir(directory)).to.deep.equal(['c.sock'])
    await serve()
    expect(await Promise.all(answers)).to.deep.equal(['die', 'away'])
    expect(happened).to.deep.equal(['connected', 'disconnected', 'connected'])
  })

  it('performs a request once, although the connection broke before its answer', async () => {
    let runs = 0
    const { problems } = await serve({
      receive: (peer, message) => {
        if (message === 'break') peer.close()
        return ++runs
      },
    })
    const { channel, happened } = dial()
    expect(await channel.request('break', SOON)).to.equal(1)
    expect(happened).to.deep.equal(['connected', 'disconnected', 'connected'])
    expect(await channel.request('next', SOON)).to.equal(2)
    expect(problems).to.deep.equal([])
  })

  it('performs a request once, although the connection broke while it was running', async () => {
    let runs = 0
    let finish: (value: string) => void = () => {}
    const { peer } = await serve({
      receive: () => {
        runs++
        return new Promise((resolve) => {
          finish = resolve
        })
      },
    })
    const { channel, happened } = dial()
    const answer = channel.request('slow', SOON)
    await eventually(() => runs === 1)
    ;(await peer()).close()
    await eventually(() => happened.length === 3)
    finish('done')
    expect(await answer).to.equal('done')
    expect(runs).to.equal(1)
  })

  it('rejects what the server asked of a peer that left, and what it asks of it later', async () => {
    const { peer, peers } = await serve()
    const { channel } = dial({ receive: () => new Promise(() => {}) })
    const gone = await peer()
    const answer = gone.request('x', SOON)
    channel.close()
    const error = await errorOf(answer)
    expect(error.code).to.equal('channel_closed')
    expect(error.message).to.equal('the launcher with pid 4711 has left before it answered')
    expect(peers.size).to.equal(0)
    expect(await errorOf(gone.request('y', SOON))).to.include({ code: 'channel_closed' })
  })

  it('does not take the answer to an old connection for one to the new', async () => {
    const finish: ((value: string) => void)[] = []
    const { peer } = await serve()
    const { happened } = dial({ receive: () => new Promise((resolve) => finish.push(resolve)) })
    const first = await peer()
    const lost = errorOf(first.request('first', SOON))
    await eventually(() => finish.length === 1)
    first.close()
    await lost
    await eventually(() => happened.length === 3)
    const answer = (await peer()).request('second', SOON)
    await eventually(() => finish.length === 2)
    finish[0]?.('first')
    finish[1]?.('second')
    expect(await answer).to.equal('second')
  })

  it('cuts off a peer that does not read, which comes back by itself when it does', async () => {
    const { peer, peers, problems } = await serve()
    const slow = run(DIAL)
    const stopped = await peer()
    const { channel } = dial()
    slow.child.kill('SIGSTOP')
    const answers = Array.from({ length: 20 }, () => errorOf(stopped.request('x'.repeat(MEGABYTE), SOON)))
    for (const error of await Promise.all(answers)) expect(error.code).to.equal('channel_closed')
    expect(problems).to.have.lengthOf(1)
    expect(problems[0]).to.match(/^cut off the proxy with pid \d+: pending socket writes exceed maxPendingBytes/)
    expect(await channel.request('others', SOON)).to.equal('others')
    slow.child.kill('SIGCONT')
    const back = await eventually(() => [...peers].find(({ hello }) => hello.role.kind === 'proxy'))
    expect(await back.request('again', SOON)).to.equal('again')
  })

  it('has one peer for a client that is back before its old connection has ended', async () => {
    const happened: string[] = []
    await serve({
      connected: (peer) => void happened.push(`${peer.hello.pid} connected`),
      disconnected: (peer) => void happened.push(`${peer.hello.pid} disconnected`),
    })
    dial({ instance: 'same', hello: () => ({ ...HELLO, pid: 1 }) })
    await eventually(() => happened.length === 1)
    const again = dial({ instance: 'same', hello: () => ({ ...HELLO, pid: 2 }) })
    expect(await again.channel.request('x', SOON)).to.equal('x')
    expect(happened).to.deep.equal(['1 connected', '1 disconnected', '2 connected'])
  })
})

describe('a control channel that is refused', () => {
  const clock = countingClock()

  it('tells a process of another version what to do, and does not dial again', async () => {
    const { peers, problems } = await serve({ version: '0.2.0' })
    const { channel, refusals, happened } = dial({ clock, hello: () => ({ ...HELLO, protocol: 99, version: '\n' }) })
    const error = await errorOf(channel.request('x', SOON))
    const text =
      `this process speaks protocol 99 of batoid \\u{a}, the controller protocol ${PROTOCOL} of batoid 0.2.0: ` +
      'stop the cluster and start it again with one version'
    expect(error).to.include({ code: 'version_mismatch', message: text })
    expect(refusals).to.deep.equal([{ code: 'version_mismatch', message: text, stack: undefined }])
    expect(await errorOf(channel.request('y', SOON))).to.equal(error)
    expect(problems).to.deep.equal([`refused a hello: ${text}`])
    expect(clock.running.size).to.equal(0)
    expect([...peers, ...happened]).to.deep.equal([])
  })

  it('is told why its hello was not accepted', async () => {
    const acceptHello = () => {
      throw new ServeError('message_invalid', 'pid is not a number')
    }
    await serve({ acceptHello })
    const { refusals } = dial()
    await eventually(() => refusals.length === 1)
    expect(refusals[0]).to.include({ code: 'message_invalid', message: 'pid is not a number' })
  })
})

describe('a control channel that garbage is sent to', () => {
  const wire = (type: unknown, data?: unknown) => `${JSON.stringify({ type, data })}\f`
  const hello = wire('batoid', { kind: 'hello', instance: 'raw', hello: HELLO })
  const request = wire('batoid', { kind: 'request', id: 1, message: 'x' })
  const garbage: Record<string, string> = {
    'no JSON': '\u001b[31mnot json\n\f',
    null: 'null\f',
    'an array': '[]\f',
    'a type that is a number': wire(5),
    'a type of Object.prototype': '{"type":"__proto__"}\f',
    'an oversized frame': wire('batoid', 'x'.repeat(1_100_000)),
    'an oversized frame without an end': 'x'.repeat(1_100_000),
    'an unknown type with control characters': wire('\u001b[2J\n'),
    'a frame of no kind': wire('batoid', { kind: 'constructor' }),
    'a request before its hello': request + hello,
    'a second hello': hello + hello,
    'garbage after a hello': hello + wire('batoid', null),
    'a welcome': hello + wire('batoid', { kind: 'welcome' }),
  }
  for (const type of ['start', 'connect', 'disconnect', 'close', 'error', 'destroy', 'socket.disconnected', 'data']) {
    garbage[`a spoofed '${type}'`] = hello + wire(type)
  }

  for (const [name, text] of Object.entries(garbage)) {
    it(`cuts off who sends ${name}, says so in one line, and goes on with the others`, async () => {
      const received: unknown[] = []
      const { peers, problems } = await serve({ receive: (_peer, message) => received.push(message) })
      const { channel, happened } = dial()
      await channel.request('before', SOON)
      expect(await sendRaw(text)).to.equal('cut off')
      await channel.request('after', SOON)
      expect(received).to.deep.equal(['before', 'after'])
      expect(happened).to.deep.equal(['connected'])
      await eventually(() => peers.size === 1)
      expect(problems).to.have.lengthOf(1)
      expect(problems[0]).to.match(/^cut off [^\p{Cc}]+$/u)
    })
  }

  it('takes no harm from half a frame', async () => {
    const { peers, problems } = await serve()
    const { channel } = dial()
    await channel.request('before', SOON)
    const socket = connect(path, () => socket.end(hello.slice(0, -9)))
    await new Promise((resolve) => socket.once('close', resolve))
    expect(await channel.request('after', SOON)).to.equal('after')
    expect(peers.size).to.equal(1)
    expect(problems).to.deep.equal([])
  })

  /** Never ends the connection by itself. */
  function sendRaw(text: string): Promise<string> {
    return new Promise((resolve) => {
      const socket = connect({ path, allowHalfOpen: true }, () => socket.write(text))
      socket.on('error', () => {})
      socket.on('data', () => {})
      socket.on('end', () => socket.destroy())
      socket.on('close', () => resolve('cut off'))
      closing.push(() => socket.destroy())
    })
  }
})

describe('the socket of a control channel', () => {
  it('is not taken from a live server', async () => {
    await serve()
    const { channel } = dial()
    const error = await errorOf(serve())
    expect(error.code).to.equal('session_unusable')
    expect(error.message).to.include(`another process serves ${path}`)
    expect(await channel.request('x', SOON)).to.equal('x')
  })

  it('is given to one of two servers that find the same dead one', async () => {
    const killed = run(SERVE)
    await eventually(() => killed.output().includes('serving'))
    await killed.kill()
    const servers = await Promise.allSettled([serve(), serve()])
    expect(servers.map(({ status }) => status)).to.have.members(['fulfilled', 'rejected'])
    expect(await dial().channel.request('x', SOON)).to.equal('x')
  })

  it('does not replace what is no socket', async () => {
    await writeFile(path, 'precious')
    expect(await errorOf(serve())).to.include({ code: 'session_unusable' })
    await rm(path)
  })

  it('is not served in a directory that does not exist', async () => {
    const error = await errorOf(serve({ path: join(directory, 'none/c.sock') }))
    expect(error.code).to.equal('session_unusable')
    expect(error.message).to.match(/^cannot serve .*\/none\/c.sock: .*/)
  })

  it('has no path that the kernel would cut off', async () => {
    const long = join(directory, 'x'.repeat(107 - directory.length))
    expect(Buffer.byteLength(long)).to.equal(108)
    expect(await errorOf(serve({ path: long }))).to.include({ code: 'path_too_long' })
    expect(() => dial({ path: long })).to.throw(`the socket path ${long} has 108 bytes`)
    const { server } = await serve({ path: long.slice(0, -1) })
    expect(await readdir(directory)).to.deep.equal(['x'.repeat(106 - directory.length)])
    await server.close()
    expect(await readdir(directory)).to.deep.equal([])
  })
})

describe('closing a control channel', () => {
  it('rejects what is open, calls nothing any more, and leaves no timer', async () => {
    const clock = countingClock()
    const { server, peers } = await serve({ clock, receive: () => new Promise(() => {}) })
    const { channel, happened } = dial({ clock })
    const away = dial({ clock, path: `${path}x` })
    await eventually(() => peers.size === 1)
    const open = [channel.request('x', SOON), away.channel.request('x', SOON)].map(errorOf)
    channel.close()
    away.channel.close()
    for (const error of await Promise.all(open)) expect(error.code).to.equal('channel_closed')
    expect(await errorOf(channel.request('x', SOON))).to.include({ code: 'channel_closed' })
    await Promise.all([server.close(), server.close()])
    expect(happened).to.deep.equal(['connected'])
    expect(clock.running.size).to.equal(0)
  })

  it('still sends the answer that says so', async () => {
    const served = await serve({ receive: () => void served.server.close() })
    const { channel } = dial()
    await channel.request('shutdown', SOON)
  })

  it('takes the clients of a closing server for disconnected, but not its peers', async () => {
    const { server, peer, peers } = await serve()
    const { happened } = dial({ receive: () => new Promise(() => {}) })
    const answer = errorOf((await peer()).request('x', SOON))
    await server.close()
    expect(await answer).to.include({ code: 'channel_closed' })
    await eventually(() => happened.includes('disconnected'))
    expect(peers.size).to.equal(1)
  })

  it('lets the process end', async () => {
    const { child, output } = run(`
      const server = ${SERVE.trim().replace("console.log('serving')", '')}
      ${DIAL}
      channel.request('never', { timeoutMs: 60_000 }).catch((error) => console.log(error.code))
      console.log(await channel.request('x', { timeoutMs: 60_000 }))
      channel.close()
      await server.close()`)
    await eventually(() => child.exitCode !== null)
    expect([child.exitCode, output()]).to.deep.equal([0, `[ ${child.pid}, 'x' ]\n`])
  })
})
