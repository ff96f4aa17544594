import { expect } from 'chai'
import { ServeError } from '../../shared/errors.ts'
import { PROTOCOL } from '../../shared/protocol.ts'
import { MAX_UNDER_WAY } from '../../shared/requests.ts'
import { DIAL, errorOf, HELLO, recordingClock, SERVE, SOON, useChannels } from '../helpers/channel.ts'
import { eventually } from '../helpers/eventually.ts'

describe('a control channel', () => {
  const channels = useChannels()

  it('answers requests both ways', async () => {
    const { peer } = await channels.serve({ receive: (_peer, message) => ({ got: message }) })
    const { channel } = channels.dial({ receive: async (message) => [message] })
    expect(await channel.request({ type: 'x', text: '\f\n\0 東京' }, SOON)).to.deep.equal({
      got: { type: 'x', text: '\f\n\0 東京' },
    })
    expect(await (await peer()).request('y', SOON)).to.deep.equal(['y'])
    expect(await channel.request(undefined, SOON)).to.deep.equal({})
  })

  it('gives the server what the client says of itself, anew at every connect', async () => {
    let phase = 0
    const { peer } = await channels.serve()
    channels.dial({ hello: () => ({ ...HELLO, pid: ++phase }) })
    const first = await peer()
    expect(first.hello).to.deep.equal({ ...HELLO, pid: 1 })
    first.close()
    expect(await eventually(async () => (await peer()) !== first && (await peer()).hello.pid)).to.equal(2)
  })

  it('carries errors to the one who asked, and reports defects on the spot', async () => {
    const { peer, problems } = await channels.serve({ receive: (_peer, message) => fail(message) })
    const client = channels.dial({ receive: fail })
    const { channel } = client
    expect(await errorOf(channel.request('no', SOON))).to.include({ code: 'bad_option', message: 'no such option' })
    expect(problems).to.deep.equal([])
    expect(await errorOf(channel.request({ type: 'go' }, SOON))).to.include({ code: 'internal' })
    expect(problems).to.deep.equal(["'go' could not be handled: x is\\u{a}undefined"])
    expect(await errorOf((await peer()).request('go', SOON))).to.include({ code: 'internal' })
    expect(client.problems).to.have.lengthOf(1)
  })

  it('gives up on a request after its time, and says whose answer is missing', async () => {
    const { peer } = await channels.serve({ receive: () => new Promise(() => {}) })
    const { channel } = channels.dial({ receive: () => new Promise(() => {}) })
    const late = await errorOf((await peer()).request({ type: 'drain' }, { timeoutMs: 20 }))
    expect(late.code).to.equal('channel_timeout')
    expect(late.message).to.equal("no answer to 'drain' from the launcher with pid 4711 within 20 ms")
    expect((await errorOf(channel.request('x', { timeoutMs: 20 }))).message).to.include(
      `the server of ${channels.path} within`,
    )
    const { channel: alone } = channels.dial({ path: `${channels.path}x` })
    expect((await errorOf(alone.request('x', { timeoutMs: 20 }))).message).to.include('(not connected)')
  })

  it('answers 2,000 requests made at once in the order of sending', async () => {
    const received: unknown[] = []
    await channels.serve({ receive: (_peer, message) => received.push(message) })
    const { channel, happened } = channels.dial()
    const answered: number[] = []
    const numbers = Array.from({ length: 2000 }, (_, index) => index)
    await Promise.all(numbers.map((number) => channel.request(number, SOON).then(() => answered.push(number))))
    expect(received).to.deep.equal(numbers)
    expect(answered).to.deep.equal(numbers)
    expect(happened).to.deep.equal(['connected'])
  })

  it('sends the next request when one of a thousand is answered', async () => {
    let received = 0
    const receive = () => {
      received++
      return eventually(() => received >= MAX_UNDER_WAY)
    }
    await channels.serve({ receive })
    const { channel, happened } = channels.dial()
    await eventually(() => happened.length === 1)
    const answers = Array.from({ length: MAX_UNDER_WAY + 1 }, (_, index) => channel.request(index, SOON))
    await Promise.all(answers)
    expect(received).to.equal(MAX_UNDER_WAY + 1)
  })

  it('refuses what is too large or no JSON, connected or not, and goes on', async () => {
    const large = 'x'.repeat(1_100_000)
    const { channel, happened } = channels.dial({ receive: () => large })
    const tooLarge = await errorOf(channel.request({ type: 'deploy', large }, SOON))
    expect(tooLarge.code).to.equal('message_too_large')
    expect(tooLarge.message).to.include("'deploy' was not sent: it is over 1048576 bytes")
    const { peer } = await channels.serve({ receive: (_peer, message) => (message === 'large' ? large : message) })
    expect(await errorOf(channel.request(1n, SOON))).to.include({ code: 'message_invalid' })
    expect(await errorOf(channel.request('large', SOON))).to.include({ code: 'message_too_large' })
    expect(await errorOf((await peer()).request(large, SOON))).to.include({ code: 'message_too_large' })
    expect(await errorOf((await peer()).request('x', SOON))).to.include({ code: 'message_too_large' })
    expect(await channel.request('small', SOON)).to.equal('small')
    expect(happened).to.deep.equal(['connected'])
  })

  it('sends far more than the backlog that node-ipc allows without being hung up on', async () => {
    const large = Array.from({ length: 15 }, () => 'x'.repeat(1_000_000))
    let received = 0
    const receive = () => {
      received++
      return eventually(() => received === large.length)
    }
    await channels.serve({ receive })
    const { channel, happened } = channels.dial()
    const answers = await Promise.all(large.map((message) => channel.request(message, SOON)))
    expect(answers).to.deep.equal(large.map(() => true))
    expect(happened).to.deep.equal(['connected'])
  })

  it('takes more clients than node-ipc does by default', async () => {
    const { peers } = await channels.serve()
    const clients = Array.from({ length: 150 }, () => channels.dial())
    const answers = clients.map(({ channel }, index) => channel.request(index, SOON))
    expect(await Promise.all(answers)).to.deep.equal(clients.map((_, index) => index))
    expect(peers.size).to.equal(150)
  })
})

describe('a control channel that is refused', () => {
  const channels = useChannels()

  const clock = recordingClock()

  it('tells a process of another version what to do, and does not dial again', async () => {
    const { peers, problems } = await channels.serve({ version: '0.2.0' })
    const { channel, refusals, happened } = channels.dial({
      clock,
      hello: () => ({ ...HELLO, protocol: 99, version: '\n' }),
    })
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
    await channels.serve({ acceptHello: () => fail('no') })
    const { refusals } = channels.dial()
    await eventually(() => refusals.length === 1)
    expect(refusals[0]).to.include({ code: 'bad_option', message: 'no such option' })
  })
})

describe('closing a control channel', () => {
  const channels = useChannels()

  it('rejects what is open, calls nothing any more, and leaves no timer', async () => {
    const clock = recordingClock()
    const { server, peers } = await channels.serve({ clock, receive: () => new Promise(() => {}) })
    const { channel, happened } = channels.dial({ clock })
    const away = channels.dial({ clock, path: `${channels.path}x` })
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

  it('still sends the answer that says so, and takes no further requests', async () => {
    const received: unknown[] = []
    const served = await channels.serve({
      receive: (_peer, message) => {
        received.push(message)
        void served.server.close()
      },
    })
    const { channel } = channels.dial()
    const answer = channel.request('shutdown', SOON)
    const late = errorOf(channel.request('late', { timeoutMs: 100 }))
    expect(await answer).to.equal(undefined)
    expect(await late).to.include({ code: 'channel_timeout' })
    expect(received).to.deep.equal(['shutdown'])
  })

  it('takes the clients of a closing server for disconnected, but not its peers', async () => {
    const { server, peer, peers } = await channels.serve()
    const { happened } = channels.dial({ receive: () => new Promise(() => {}) })
    const answer = errorOf((await peer()).request('x', SOON))
    await server.close()
    expect(await answer).to.include({ code: 'channel_closed' })
    await eventually(() => happened.includes('disconnected'))
    expect(peers.size).to.equal(1)
  })

  it('lets the process end', async () => {
    const { child, output } = channels.run(`
      ${SERVE}
      ${DIAL}
      console.log(await channel.request('x', { timeoutMs: 60_000 }))
      channel.request('y', { timeoutMs: 60_000 }).catch((error) => console.log(error.code))
      channel.close()
      await server.close()`)
    await eventually(() => child.exitCode !== null)
    expect([child.exitCode, output()]).to.deep.equal([0, `serving\n[ ${child.pid}, 'x' ]\nchannel_closed\n`])
  })
})

function fail(message: unknown): never {
  throw message === 'no' ? new ServeError('bad_option', 'no such option') : new TypeError('x is\nundefined')
}
