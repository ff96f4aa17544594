import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { type Cluster, startCluster } from '../helpers/cluster.ts'
import { eventually } from '../helpers/eventually.ts'
import { restOf } from '../helpers/rest.ts'

const MAIN = resolve('dist/cli/main.js')
const WORD = `
  import { createRequire } from 'node:module'
  export const word: string = 'one '
  export const { version } = createRequire(import.meta.url)('./version.json') as { version: number }`

describe('what is deployed again', () => {
  const directory = mkdtempSync(join(tmpdir(), 'batoid-test-'))
  const write = (file: string, text: string) => writeFileSync(join(directory, file), text)
  let cluster: Cluster
  let rest: Awaited<ReturnType<typeof restOf>>

  const application = (name: string, imports: string) => `
    import { deployment } from ${JSON.stringify(resolve('dist/index.js'))}
    ${imports}
    export const app = deployment(
      function ${name}() {
        debugger
        return { fetch: (): Response => new Response(said) }
      },
      { rayActorOptions: { numCpus: 0.1 } },
    ).bind()`

  const pids = async () => {
    const { applications } = await rest.details()
    const of = (name: string) => applications[name]?.deployments[name]?.replicas.map(({ pid }) => pid)
    return { One: of('One'), Other: of('Other') }
  }
  const deploy = async () => {
    await promisify(execFile)(process.execPath, [MAIN, 'deploy', 'serve.yaml', '--session-dir', cluster.session], {
      cwd: directory,
    })
    await Promise.all(['One', 'Other'].map((name) => rest.becomes(name, 'RUNNING')))
    return await eventually(async () => {
      const now = await pids()
      return now.One?.length === 1 && now.Other?.length === 1 && now
    })
  }
  const answer = async (path: string) => await (await fetch(new URL(path, cluster.url))).text()

  before(async () => {
    write(
      'one.ts',
      application('One', `import { word, version } from './word.ts'; const said: string = word + version`),
    )
    write('word.ts', WORD)
    write('version.json', '{"version":1}')
    write('other.ts', application('Other', `import { said } from 'package-of-another'`))
    mkdirSync(join(directory, 'node_modules/package-of-another'), { recursive: true })
    write('node_modules/package-of-another/package.json', '{"main":"index.js"}')
    write('node_modules/package-of-another/index.js', `exports.said = 'other'`)
    const applications = [
      { name: 'One', route_prefix: '/one', import_path: 'one:app' },
      { name: 'Other', route_prefix: '/other', import_path: 'other:app' },
    ]
    write('serve.yaml', JSON.stringify({ applications }))
    cluster = await startCluster('serve.yaml', { cwd: directory })
    rest = await restOf(cluster.session)
    await Promise.all(['One', 'Other'].map((name) => rest.becomes(name, 'RUNNING')))
  })
  afterEach(function () {
    if (this.currentTest?.state === 'failed') console.log(cluster.log(/^controller_/))
  })
  after(async () => {
    await cluster.dispose()
    rmSync(directory, { recursive: true })
  })

  it('keeps its processes while its code is the same, whenever it was written', async () => {
    const first = await pids()
    for (let n = 0; n < 3; n += 1) expect(await deploy()).to.deep.equal(first)
    utimesSync(join(directory, 'word.ts'), new Date(), new Date())
    expect(await deploy()).to.deep.equal(first)
  })

  for (const [what, file, text, path, expected] of [
    ['a module that it imports', 'word.ts', `export const word = 'two '\nexport const version = 1`, 'one', 'two 1'],
    ['JSON that it requires', 'version.json', '{"version":2}', 'one', 'one 2'],
    ['a package', 'node_modules/package-of-another/index.js', `exports.said = 'another'`, 'other', 'another'],
  ] as const) {
    it(`has new processes when ${what} has changed, and nobody else has`, async () => {
      write('word.ts', WORD)
      const before = await deploy()
      write(file, text)
      const after = await deploy()
      const [changed, unchanged] = path === 'one' ? (['One', 'Other'] as const) : (['Other', 'One'] as const)
      expect(after[unchanged]).to.deep.equal(before[unchanged])
      expect(after[changed]).to.not.deep.equal(before[changed])
      expect(await answer(`/${path}`)).to.equal(expected)
    })
  }
})
