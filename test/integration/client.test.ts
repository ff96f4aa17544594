import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import { join, resolve } from 'node:path'
import { expect } from 'chai'
import { Client } from '../../cli/client.ts'
import { runCommand } from '../helpers/command.ts'

const DETAILS = JSON.stringify({ proxies: {}, applications: {}, target_capacity: null, controller_health_metrics: {} })

describe('a command that asks a cluster', () => {
  let server: Server | undefined
  afterEach(() => {
    server?.closeAllConnections()
    server?.close()
  })

  const serve = async (listener: RequestListener): Promise<string> => {
    const one = createServer(listener).listen(0, '127.0.0.1')
    server = one
    await new Promise((settle) => one.once('listening', settle))
    return `http://127.0.0.1:${(one.address() as AddressInfo).port}`
  }

  it('says so where the connection is lost in the middle of the answer', async () => {
    const address = await serve((_, response) => {
      response.writeHead(200, { 'content-length': 1000 })
      response.write('{"applications"', () => response.destroy())
    })
    const { code, stderr } = await runCommand(['status', '--address', address])
    expect([code, stderr]).to.deep.equal([
      2,
      `ERROR: the cluster at ${address} went away while it answered GET /api/serve/applications/\n`,
    ])
  })

  it('does not wait for one that says nothing', async () => {
    const address = await serve(() => {})
    const all = [['status'], ['shutdown', '-y']].map((words) => runCommand([...words, '--address', address]))
    for (const { code, stderr } of await Promise.all(all)) {
      expect(code).to.be.above(0)
      expect(stderr).to.match(/^ERROR: .* GET \/api\/[^\n]*\n$/)
    }
  })

  it('takes an address without its scheme, and none that has a password, which nobody sees', async () => {
    const address = await serve((_, response) => response.end(DETAILS))
    expect((await runCommand(['status', '--address', address.replace('http://', '')])).code).to.equal(0)
    for (const wrong of ['http://me:secret@127.0.0.1:1', 'http://', 'http://127.0.0.1:99999']) {
      const { code, stderr } = await runCommand(['status', '--address', wrong])
      expect([code, stderr.split('\n').length]).to.deep.equal([2, 2])
      expect(stderr)
        .to.match(/^ERROR: --address .*, for example http:\/\/127\.0\.0\.1:8265$/m)
        .and.not.match(/secret/)
    }
  })

  it('finds the one that runs, though another was started and has ended since', async () => {
    const address = await serve((_, response) => response.end(DETAILS))
    const directory = mkdtempSync(join(tmpdir(), 'batoid-test-'))
    try {
      const root = join(directory, `batoid-${userInfo().username}`)
      const [older, newer] = ['session_2026-01-01_00-00-00_1', 'session_2026-01-02_00-00-00_2'].map((name) =>
        join(root, name),
      )
      for (const session of [older, newer]) mkdirSync(session ?? '', { recursive: true, mode: 0o700 })
      writeFileSync(join(older ?? '', 'dashboard'), `${address}\n`)
      symlinkSync(newer ?? '', join(root, 'session_latest'))
      const { code, stdout, stderr } = await runCommand(['status'], { TMPDIR: directory })
      expect([code, stderr]).to.deep.equal([0, ''])
      expect(stdout).to.contain('applications: {}')
    } finally {
      rmSync(directory, { recursive: true })
    }
  })

  it('says so where something else than a cluster answers', async () => {
    for (const answer of ['<html>hello</html>', '', 'null', '{}', '"applications"']) {
      const address = await serve((_, response) => response.end(answer))
      const { code, stderr } = await runCommand(['status', '--address', address])
      expect([code, stderr]).to.deep.equal([
        2,
        `ERROR: what listens at ${address} is no cluster: its answer to GET /api/serve/applications/ is not one of batoid\n`,
      ])
      server?.close()
    }
  })

  it('says so where the address is none', async () => {
    for (const address of ['nonsense', 'ftp://127.0.0.1']) {
      const { code, stderr } = await runCommand(['status', '--address', address])
      expect(code).to.equal(2)
      expect(stderr).to.match(/^ERROR: no cluster answers at .*\n$/)
    }
  })

  it('knows no application by a name that every object has', async () => {
    const address = await serve((_, response) => response.end(DETAILS))
    const { code, stderr } = await runCommand(['status', '-n', 'constructor', '--address', address])
    expect([code, stderr]).to.deep.equal([2, 'ERROR: Application "constructor" does not exist. There is none.\n'])
  })

  it('has an answer that takes longer than fetch waits, where applications are drained', async () => {
    const dispatcher = Symbol.for('undici.globalDispatcher.1')
    await fetch('data:,')
    const all = globalThis as unknown as Record<symbol, { dispatch: (...args: object[]) => boolean }>
    const { [dispatcher]: own } = all
    const dispatch = own!.dispatch
    // fetch waits for 300 s; here it waits for less than the answer takes.
    own!.dispatch = (options, handler) => dispatch.call(own, { ...options, headersTimeout: 100 }, handler)
    const address = await serve((_, response) => void setTimeout(() => response.end('{}'), 2_500))
    try {
      await new Client({ address }, {}).deleteAll()
    } finally {
      own!.dispatch = dispatch
    }
  })

  it('ends quietly where nobody reads what it prints, and says what else keeps it from printing', async () => {
    const address = await serve((_, response) => response.end(DETAILS))
    const piped = (command: string) =>
      new Promise<[number | null, string]>((settle) => {
        const child = spawn('bash', ['-o', 'pipefail', '-c', command, process.execPath, resolve('dist/cli/main.js')])
        let complaint = ''
        child.stderr.on('data', (data: Buffer) => (complaint += data.toString()))
        child.once('close', (code) => settle([code, complaint]))
      })
    const where = `--address ${address}`
    for (const args of ['--help', 'schema', 'build test/fixtures/hello.mjs:app', `status ${where}`, `config ${where}`])
      expect(await piped(`"$0" "$1" ${args} | true`), args).to.deep.equal([0, ''])
    const [code, complaint] = await piped('"$0" "$1" schema > /dev/full')
    expect([code, complaint]).to.deep.equal([
      1,
      'ERROR: cannot write to the standard output: ENOSPC: no space left on device, write\n',
    ])
  })
})
