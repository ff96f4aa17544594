import { readdir, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { expect } from 'chai'
import { errorOf, SERVE, SOON, useChannels } from '../helpers/channel.ts'
import { eventually } from '../helpers/eventually.ts'

describe('the socket of a control channel', () => {
  const channels = useChannels()

  it('is not taken from a live server', async () => {
    await channels.serve()
    const { channel } = channels.dial()
    const error = await errorOf(channels.serve())
    expect(error.code).to.equal('session_unusable')
    expect(error.message).to.include(`another process serves ${channels.path}`)
    expect(await channel.request('x', SOON)).to.equal('x')
  })

  it('is given to one of two servers that find the same dead one', async () => {
    const killed = channels.run(SERVE)
    await eventually(() => killed.output().includes('serving'))
    await killed.kill()
    const servers = await Promise.allSettled([channels.serve(), channels.serve()])
    expect(servers.map(({ status }) => status)).to.have.members(['fulfilled', 'rejected'])
    expect(await channels.dial().channel.request('x', SOON)).to.equal('x')
  })

  it('does not replace what is no socket', async () => {
    await writeFile(channels.path, 'precious')
    expect(await errorOf(channels.serve())).to.include({ code: 'session_unusable' })
    await rm(channels.path)
  })

  it('is not served in a directory that does not exist', async () => {
    const error = await errorOf(channels.serve({ path: join(channels.directory, 'none/c.sock') }))
    expect(error.code).to.equal('session_unusable')
    expect(error.message).to.match(/^cannot serve .*\/none\/c.sock: .*/)
  })

  it('has no path that the kernel would cut off', async () => {
    const long = join(channels.directory, 'x'.repeat(107 - channels.directory.length))
    expect(Buffer.byteLength(long)).to.equal(108)
    expect(await errorOf(channels.serve({ path: long }))).to.include({ code: 'path_too_long' })
    expect(() => channels.dial({ path: long })).to.throw(`the socket path ${long} has 108 bytes`)
    const { server } = await channels.serve({ path: long.slice(0, -1) })
    expect(await readdir(channels.directory)).to.deep.equal(['x'.repeat(106 - channels.directory.length)])
    await server.close()
    expect(await readdir(channels.directory)).to.deep.equal([])
  })

  it('waits for a process that is being killed, which still takes a connection and then drops it', async () => {
    const dying = createServer((socket) => {
      dying.close()
      socket.destroy()
    })
    await new Promise<void>((resolve) => dying.listen(channels.path, resolve))
    await channels.serve()
    expect(await channels.dial().channel.request('x', SOON)).to.equal('x')
  })

  it('is not taken from a live server that drops connections because it has too many', async () => {
    const busy = createServer((socket) => socket.destroy())
    await new Promise<void>((resolve) => busy.listen(channels.path, resolve))
    expect(await errorOf(channels.serve())).to.include({ code: 'session_unusable' })
    await new Promise((resolve) => busy.close(resolve))
  })
})
