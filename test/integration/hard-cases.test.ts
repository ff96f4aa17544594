import { type ChildProcess, spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { get, type IncomingMessage } from 'node:http'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { type Cluster, launch, startCluster } from '../helpers/cluster.ts'
import { eventually } from '../helpers/eventually.ts'

const outputs = (session: string) => readdirSync(join(session, 'logs/output')).join('\n')

describe('a cluster in trouble', () => {
  let cluster: Cluster | undefined
  const start = async (...given: Parameters<typeof startCluster>): Promise<Cluster> =>
    (cluster = await startCluster(...given))

  afterEach(async () => {
    await cluster?.dispose()
    cluster = undefined
  })

  it('keeps a replica that is still starting when the controller is killed', async () => {
    const launched = launch('test/fixtures/slow-module.mjs:app')
    try {
      await eventually(() => launched.stdout().includes('Adding 1 replica'), { withinMs: 15_000 })
      const replica = await eventually(
        () => /ServeReplica%3Adefault%3ASlowModule-(\d+)\.out/.exec(outputs(launched.session))?.[1],
      )
      process.kill(Number(/\(ServeController pid=(\d+)\)/.exec(launched.stdout())?.[1]), 'SIGKILL')
      const url = await eventually(() => /is ready at (http:\S+)\.\n/.exec(launched.stdout())?.[1], {
        withinMs: 15_000,
      })
      expect(await (await fetch(url)).text()).to.equal(replica)
      expect(launched.stdout()).to.not.include('Removing')
      launched.child.kill('SIGINT')
      expect((await launched.ended).code).to.equal(0)
    } finally {
      await launched.dispose()
    }
  })

  it('takes more settings than an environment variable holds', async () => {
    const { url } = await start('test/fixtures/large.mjs:app')
    expect(await (await fetch(`${url}/config`)).text()).to.equal('300000')
  })

  it('finishes a large answer to a slow client before it stops', async () => {
    const { url, stop } = await start('test/fixtures/large.mjs:app')
    const response = await new Promise<IncomingMessage>((resolve) => get(`${url}/`, resolve))
    response.pause()
    const ended = stop()
    await eventually(() => cluster?.stdout().includes('shutting down'))
    let bytes = 0
    response.on('data', (chunk: Buffer) => (bytes += chunk.length))
    response.resume()
    await new Promise((resolve) => response.once('close', resolve))
    expect(bytes).to.equal(30_000_000)
    expect((await ended).code).to.equal(0)
  })

  it('kills nothing that it did not start, whatever is written to its lifeline', async () => {
    const { session, stop, pids } = await start('test/fixtures/plain.mjs:app')
    const bystander: ChildProcess = spawn('sleep', ['60'])
    const gone = spawn('true')
    await new Promise((resolve) => gone.once('exit', resolve))
    for (const line of ['-1', '0', '1', String(gone.pid), 'x'.repeat(100_000)])
      connect(join(session, 'launcher.sock')).write(`${line}\n`)
    await eventually(() => pids().length >= 4)
    expect((await stop()).code).to.equal(0)
    expect(bystander.exitCode).to.equal(null)
    bystander.kill()
  })

  it('drains when its reader has gone, and breaks nothing that is ongoing', async () => {
    const { url, child, ended } = await start('test/fixtures/hello.mjs:app')
    const slow = fetch(`${url}/slow/1500`)
    await fetch(url)
    child.stdout?.destroy()
    // Makes sure that a line is printed. The one of the request before may have come late enough to do it already.
    await fetch(url).catch(() => undefined)
    expect(await (await slow).text()).to.equal('slow')
    expect((await ended).code).to.equal(0)
  })

  it('has a proxy counted that took its table late', async () => {
    const launched = launch('test/fixtures/slow-module.mjs:app')
    try {
      const proxy = Number(await eventually(() => /\(ProxyActor pid=(\d+)\)/.exec(launched.stdout())?.[1]))
      await eventually(() => launched.stdout().includes('Adding 1 replica'), { withinMs: 15_000 })
      process.kill(proxy, 'SIGSTOP')
      await eventually(() => launched.log(/^controller_/).includes('started successfully'), { withinMs: 15_000 })
      const since = performance.now()
      await eventually(() => performance.now() - since > 2_500)
      process.kill(proxy, 'SIGCONT')
      await eventually(() => launched.stdout().includes('is ready at'))
      launched.child.kill('SIGINT')
      expect((await launched.ended).code).to.equal(0)
    } finally {
      await launched.dispose()
    }
  })
})

describe('a session directory that exists', () => {
  const directory = mkdtempSync(join(tmpdir(), 'batoid-test-'))

  after(() => rmSync(directory, { recursive: true, force: true }))

  it("keeps what is not the cluster's", async () => {
    const other = createServer()
    await new Promise<void>((resolve) => other.listen(join(directory, 'mysql.sock'), resolve))
    const cluster = await startCluster('test/fixtures/plain.mjs:app', { args: ['--session-dir', directory] })
    await cluster.stop()
    expect(existsSync(join(directory, 'mysql.sock'))).to.equal(true)
    other.close()
    await cluster.dispose()
  })

  it('is refused, and left as it is, when others may enter it', async () => {
    chmodSync(directory, 0o755)
    const launched = launch('test/fixtures/plain.mjs:app', { args: ['--session-dir', directory] })
    expect((await launched.ended).code).to.equal(2)
    expect(launched.stderr()).to.match(/^ERROR: cannot use session directory .*: other users may enter it/)
    await launched.dispose()
  })
})
