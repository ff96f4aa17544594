import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { parseProcfile } from '../../cli/procfile.ts'
import { eventually } from '../helpers/eventually.ts'
import { restOf } from '../helpers/rest.ts'

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address !== null ? address.port : 0
}

describe('the lines of the Procfile', () => {
  const session = mkdtempSync(join(tmpdir(), 'batoid-test-'))
  let children: ChildProcess[] = []

  after(() => {
    for (const child of children) child.kill('SIGKILL')
    rmSync(session, { recursive: true, force: true })
  })

  for (const [what, application, path, answer] of [
    ['an application', 'test/fixtures/hello.mjs:app', '/', /^hello$/],
    ['a configuration', 'test/fixtures/serve.yaml', '/told', /"args":\{"from":"file"\}/],
  ] as const) {
    it(`serve ${what} under any other runner: started by a shell, told by the environment, stopped by SIGTERM`, () =>
      serves(application, path, answer))
  }

  async function serves(application: string, path: string, answer: RegExp): Promise<void> {
    const port = await freePort()
    const env = {
      ...process.env,
      NODE_OPTIONS: '',
      BATOID_SESSION_DIR: session,
      BATOID_HTTP_PORT: String(port),
      BATOID_DASHBOARD_PORT: '0',
      BATOID_APPLICATION: application,
    }
    let output = ''
    children = parseProcfile(readFileSync('Procfile', 'utf8')).map(({ command }) => {
      const child = spawn('/bin/sh', ['-c', command], { env, stdio: ['ignore', 'pipe', 'pipe'] })
      child.stdout.on('data', (data: Buffer) => (output += data.toString()))
      return child
    })
    await eventually(async () => answer.test(await (await fetch(`http://127.0.0.1:${port}${path}`)).text()), {
      withinMs: 20_000,
    })
    expect(output)
      .to.match(/proxy \S+ -- Proxy starting on node/)
      .and.match(/controller \d+ -- Adding 2 replicas/)
    const refused = await (await restOf(session)).ask('POST', '/api/v1/shutdown')
    expect([refused.status, refused.text]).to.deep.equal([
      409,
      '{"error":"No launcher of batoid runs this cluster: end its controller and its proxies where they were started."}',
    ])
    const ends = children.map((child) => new Promise((resolve) => child.once('exit', resolve)))
    for (const child of children) child.kill('SIGTERM')
    expect(await Promise.all(ends)).to.deep.equal([0, 0])
    expect(readdirSync(session).filter((file) => file.endsWith('.sock'))).to.deep.equal([])
  }

  it('refuse several proxies without a listening socket for them, since only one of them could bind', async () => {
    const { command = '' } = parseProcfile(readFileSync('Procfile', 'utf8')).find(({ name }) => name === 'proxy') ?? {}
    const env = { ...process.env, NODE_OPTIONS: '', BATOID_SESSION_DIR: session, BATOID_PROXIES: '2' }
    const child = spawn('/bin/sh', ['-c', command], { env, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    child.stdout.on('data', (data: Buffer) => (output += data.toString()))
    expect(await new Promise((resolve) => child.once('close', resolve))).to.equal(2)
    expect(output).to.match(
      /cannot share 127\.0\.0\.1 port 8000: .* one of 2 \(BATOID_PROXIES\).*\(LISTEN_FDS\); start them with/,
    )
  })
})
