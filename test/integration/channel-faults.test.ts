import { readdir, rm, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { expect } from 'chai'
import { DIAL, errorOf, HELLO, recordingClock, SERVE, SOON, useChannels, wire } from '../helpers/channel.ts'
import { eventually } from '../helpers/eventually.ts'

describe('a control channel whose connection breaks', () => {
  const channels = useChannels()

  it('waits for a server that is not there yet', async () => {
    const { channel, problems } = channels.dial()
    const answer = channel.request('early', SOON)
    await channels.serve()
    expect(await answer).to.equal('early')
    expect(problems).to.deep.equal([])
  })

  it('says once for an outage why a server cannot be reached', async () => {
    const clock = recordingClock()
    await writeFile(channels.path, '')
    const { problems } = channels.dial({ clock, path: `${channels.path}/c.sock` })
    await eventually(() => clock.delaysMs.length === 3)
    expect(problems).to.have.lengthOf(1)
    expect(problems[0]).to.include('ENOTDIR')
    await rm(channels.path)
  })

  it('tries again soon after a good connection, however long the last outage was', async () => {
    const clock = recordingClock()
    const { happened } = channels.dial({ clock })
    await eventually(() => clock.delaysMs.length === 4)
    expect(clock.delaysMs).to.deep.equal([50, 75, 112.5, 168.75])
    const { peer } = await channels.serve()
    const first = await peer()
    await eventually(() => happened.length === 1)
    first.close()
    await eventually(() => happened.length === 3)
    expect(clock.delaysMs.at(-1)).to.equal(50)
  })

  it('has what the killed server did not answer answered by the next one, which replaces its dead socket', async () => {
    const killed = channels.run(SERVE)
    await eventually(() => killed.output().includes('serving'))
    const { channel, happened } = channels.dial()
    expect(await channel.request('x', SOON)).to.deep.equal([killed.child.pid, 'x'])
    const answers = [channel.request('die', SOON)]
    await eventually(() => happened.includes('disconnected'))
    answers.push(channel.request('away', SOON))
    expect(await readdir(channels.directory)).to.deep.equal(['c.sock'])
    await channels.serve()
    expect(await Promise.all(answers)).to.deep.equal(['die', 'away'])
    expect(happened).to.deep.equal(['connected', 'disconnected', 'connected'])
  })

  it('performs a request once, although the connection broke before its answer', async () => {
    let runs = 0
    const { problems } = await channels.serve({
      receive: (peer, message) => {
        if (message === 'break') peer.close()
        return ++runs
      },
    })
    const { channel, happened } = channels.dial()
    expect(await channel.request('break', SOON)).to.equal(1)
    expect(happened).to.deep.equal(['connected', 'disconnected', 'connected'])
    expect(await channel.request('next', SOON)).to.equal(2)
    expect(problems).to.deep.equal([])
  })

  it('performs a request once, although the connection broke while it was running', async () => {
    let runs = 0
    const { channel, happened } = channels.dial()
    const receive = () => {
      runs++
      return eventually(() => happened.length === 3 && 'done')
    }
    const { peer } = await channels.serve({ receive })
    const answer = channel.request('slow', SOON)
    await eventually(() => runs === 1)
    ;(await peer()).close()
    expect(await answer).to.equal('done')
    expect(runs).to.equal(1)
  })

  it('rejects what the server asked of a peer that left, and what it asks of it later', async () => {
    const { peer, peers } = await channels.serve()
    const { channel } = channels.dial({ receive: () => new Promise(() => {}) })
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
    const { peer } = await channels.serve()
    const { happened } = channels.dial({ receive: () => new Promise((resolve) => finish.push(resolve)) })
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
    const { peer, peers, problems } = await channels.serve()
    const slow = channels.run(DIAL)
    const stopped = await peer()
    const { channel } = channels.dial()
    slow.child.kill('SIGSTOP')
    const answers = Array.from({ length: 20 }, () => errorOf(stopped.request('x'.repeat(1_000_000), SOON)))
    for (const error of await Promise.all(answers)) expect(error.code).to.equal('channel_closed')
    expect(problems).to.have.lengthOf(1)
    expect(problems[0]).to.match(
      /^cut off the proxy with pid \d+: pending socket writes exceed maxPendingBytes \(ERR_IPC_BACKPRESSURE\)$/,
    )
    expect(await channel.request('others', SOON)).to.equal('others')
    slow.child.kill('SIGCONT')
    const back = await eventually(() => [...peers].find(({ hello }) => hello.role.kind === 'proxy'))
    expect(await back.request('again', SOON)).to.equal('again')
  })

  it('has one peer for a client that is back before its old connection has ended', async () => {
    const happened: string[] = []
    await channels.serve({
      connected: (peer) => void happened.push(`${peer.hello.pid} connected`),
      disconnected: (peer) => void happened.push(`${peer.hello.pid} disconnected`),
    })
    channels.dial({ instance: 'same', hello: () => ({ ...HELLO, pid: 1 }) })
    await eventually(() => happened.length === 1)
    const again = channels.dial({ instance: 'same', hello: () => ({ ...HELLO, pid: 2 }) })
    expect(await again.channel.request('x', SOON)).to.equal('x')
    expect(happened).to.deep.equal(['1 connected', '1 disconnected', '2 connected'])
  })
})

describe('a control channel that garbage is sent to', () => {
  const channels = useChannels()

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
      const { peers, problems } = await channels.serve({ receive: (_peer, message) => received.push(message) })
      const { channel, happened } = channels.dial()
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
    const { peers, problems } = await channels.serve()
    const { channel } = channels.dial()
    await channel.request('before', SOON)
    const socket = connect(channels.path, () => socket.end(hello.slice(0, -9)))
    await new Promise((resolve) => socket.once('close', resolve))
    expect(await channel.request('after', SOON)).to.equal('after')
    expect(peers.size).to.equal(1)
    expect(problems).to.deep.equal([])
  })

  it('takes a peer that leaves without a word, and without having read, for a matter of course', async () => {
    const { peer, peers, problems } = await channels.serve()
    const socket = connect(channels.path, () => socket.write(hello))
    socket.pause()
    await peer()
    socket.destroy()
    await eventually(() => peers.size === 0)
    expect(problems).to.deep.equal([])
  })

  it('delivers nothing more of a peer that was hung up on', async () => {
    const received: unknown[] = []
    await channels.serve({
      receive: (peer, message) => {
        received.push(message)
        peer.close()
      },
    })
    await sendRaw(hello + request + wire('batoid', { kind: 'request', id: 2, message: 'y' }))
    expect(received).to.deep.equal(['x'])
  })

  it('hangs up on a server that sends garbage, says so once for each, and dials again', async () => {
    const received: unknown[] = []
    const sent = [wire('batoid', { kind: 'hello' }), wire('\u001b'), 'no json\f', wire('error')]
    const server = createServer((socket) => {
      socket.on('error', () => {})
      const next = sent.shift()
      socket.write(wire('batoid', { kind: 'welcome' }))
      if (next !== undefined) socket.write(next + next + request)
    })
    await new Promise<void>((resolve) => server.listen(channels.path, resolve))
    const { happened, problems } = channels.dial({ receive: (message) => received.push(message) })
    await eventually(() => happened.length === 9)
    expect(happened.filter((event) => event === 'connected')).to.have.lengthOf(5)
    expect(problems).to.have.lengthOf(4)
    for (const problem of problems) expect(problem).to.match(/^[^\p{Cc}]+$/u)
    expect(received).to.deep.equal([])
    channels.atEnd(() => server.close())
  })

  /** Never ends the connection by itself. */
  function sendRaw(text: string): Promise<string> {
    return new Promise((resolve) => {
      const socket = connect({ path: channels.path, allowHalfOpen: true }, () => socket.write(text))
      socket.on('error', () => {})
      socket.on('data', () => {})
      socket.on('end', () => socket.destroy())
      socket.on('close', () => resolve('cut off'))
      channels.atEnd(() => socket.destroy())
    })
  }
})
