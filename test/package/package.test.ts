import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { expect } from 'chai'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { eventually } from '../helpers/eventually.ts'
import { type Cluster, startCluster } from '../helpers/cluster.ts'

const MAIN = `import { Hono } from 'hono'
import { deployment } from 'batoid'

function Greeter() {
  const app = new Hono()
  app.get('/', (c) => c.text('hello from the package'))
  return app
}

export const app = deployment(Greeter, { rayActorOptions: { numCpus: 0.1 } }).bind()
`

describe('the packed tarball', () => {
  const project = mkdtempSync(join(tmpdir(), 'batoid-package-'))
  let tarball = ''
  let cluster: Cluster | undefined
  const npm = (args: readonly string[], cwd: string) =>
    execFileSync('npm', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })

  before(() => {
    const [packed] = JSON.parse(
      npm(['pack', '--json', '--ignore-scripts', '--pack-destination', project], resolve('.')),
    ) as {
      filename: string
      files: { path: string }[]
    }[]
    tarball = packed?.filename ?? ''
    writeFileSync(join(project, 'package.json'), '{ "type": "module", "private": true }\n')
    writeFileSync(join(project, 'main.ts'), MAIN)
    npm(['install', '--no-audit', '--no-fund', '--prefer-offline', `./${tarball}`, 'hono'], project)
  })

  afterEach(async () => {
    await cluster?.dispose()
    cluster = undefined
  })

  after(() => rmSync(project, { recursive: true, force: true }))

  it('runs a ten-line main.ts with npx batoid run', async () => {
    cluster = await startCluster('main:app', { cwd: project, command: ['npx', 'batoid', 'run'] })
    expect(await (await fetch(cluster.url)).text()).to.equal('hello from the package')
    await cluster.stop()
    expect(cluster.stdout()).to.match(/is stopped\.\n$/)
  })

  it('leaves nothing behind when npx is ended with SIGTERM', async () => {
    cluster = await startCluster('main:app', { cwd: project, command: ['npx', 'batoid', 'run'] })
    cluster.child.kill('SIGTERM')
    await eventually(() => cluster?.pids().length === 0)
  })

  it('runs compiled JavaScript, as an ES module and as CommonJS', async () => {
    const js = MAIN.replaceAll(/^import \{ (\w+) \} from '(\w+)'$/gm, "const { $1 } = require('$2')").replace(
      'export const app',
      'exports.app',
    )
    writeFileSync(join(project, 'common.cjs'), js)
    writeFileSync(join(project, 'module.mjs'), MAIN)
    for (const target of ['common:app', 'module:app']) {
      cluster = await startCluster(target, { cwd: project, command: ['npx', 'batoid', 'run'] })
      expect(await (await fetch(cluster.url)).text(), target).to.equal('hello from the package')
      await cluster.stop()
      await cluster.dispose()
    }
    cluster = undefined
  })

  it('compiles for a user: its types resolve', () => {
    cpSync(resolve('node_modules/typescript'), join(project, 'node_modules/typescript'), { recursive: true })
    const options = [
      '--noEmit',
      '--strict',
      '--module',
      'nodenext',
      '--target',
      'es2023',
      '--skipLibCheck',
      '--types',
      '',
    ]
    const run = () =>
      execFileSync(process.execPath, [resolve('node_modules/typescript/bin/tsc'), ...options, 'main.ts'], {
        cwd: project,
        encoding: 'utf8',
      })
    expect(run()).to.equal('')
  })

  it('has nothing to object to for publint, and leaves tests, sources and examples out', async () => {
    const { messages, pkg } = await publint({ pkgDir: resolve('.'), strict: true })
    expect(messages.map((message) => formatMessage(message, pkg))).to.deep.equal([])
    const listed = execFileSync('tar', ['tzf', join(project, tarball)], { encoding: 'utf8' })
      .trim()
      .split('\n')
    expect(
      listed.filter((path) => /\/(test|examples|shared\/log\.ts)\b/.test(path.replace('package/dist', 'package'))),
    ).to.deep.equal([])
    expect(listed).to.include.members([
      'package/Procfile',
      'package/LICENSE',
      'package/README.md',
      'package/dist/swagger-ui/swagger-ui.css',
    ])
  })
})
