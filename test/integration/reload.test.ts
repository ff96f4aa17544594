import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect } from 'chai'
import { type Cluster, type Launched, launch, startCluster } from '../helpers/cluster.ts'
import { eventually } from '../helpers/eventually.ts'

const BATOID = pathToFileURL('dist/index.js').href
const main = `import { deployment } from '${BATOID}'
import { word } from './words/word.mjs'
export const app = deployment(() => ({ call: () => word }), { name: 'Word', rayActorOptions: { numCpus: 0.1 } }).bind()
`

describe('batoid run --reload', () => {
  const directory = mkdtempSync(join(tmpdir(), 'batoid-test-'))
  const file = join(directory, 'words/word.mjs')
  let cluster: Cluster

  /** As an editor does: beside the file, then in its place. */
  const write = (text: string) => {
    writeFileSync(`${file}.tmp`, text)
    renameSync(`${file}.tmp`, file)
  }
  const answer = async () => await (await fetch(cluster.url)).text()
  const count = (text: string) => cluster.stdout().split(text).length - 1

  before(async () => {
    mkdirSync(join(directory, 'words'))
    writeFileSync(join(directory, 'main.mjs'), main)
    write(`export const word = 'one'\n`)
    cluster = await startCluster('main.mjs:app', { cwd: directory, args: ['--reload'] })
    await eventually(async () => (await answer()) === 'one')
  })
  after(async () => {
    expect((await cluster.stop()).code).to.equal(0)
    await cluster.dispose()
    rmSync(directory, { recursive: true })
  })

  it('brings what was written, and loses no request', async () => {
    const answers = new Set<string>()
    write(`export const word = 'two'\n`)
    await eventually(
      async () => {
        answers.add(await answer())
        return answers.has('two')
      },
      { withinMs: 20_000 },
    )
    expect([...answers]).to.have.members(['one', 'two'].filter((word) => answers.has(word)))
    // Until the new one has proved itself, both answer.
    await eventually(() => count('is stopped') === 1, { withinMs: 10_000 })
    expect(cluster.stdout()).to.contain('Detected a change of words/word.mjs. Redeploying.')
  })

  it('keeps the last good version while what is written is broken, and says what is wrong', async () => {
    write('export const word = \n')
    await eventually(() => count('Deploying the latest version of the application failed.') === 1, { withinMs: 20_000 })
    expect(cluster.stderr()).to.match(/SyntaxError/)
    expect(await answer()).to.equal('two')
    write(`export const word = 'three'\n`)
    await eventually(async () => (await answer()) === 'three', { withinMs: 20_000 })
  })

  it('sees directories that are new, and not what is no source', async () => {
    const before = count('Redeploying.')
    writeFileSync(join(directory, 'notes.txt'), 'x')
    mkdirSync(join(directory, 'node_modules/x'), { recursive: true })
    writeFileSync(join(directory, 'node_modules/x/index.js'), '')
    mkdirSync(join(directory, 'more'))
    writeFileSync(join(directory, 'more/new.mjs'), '')
    await eventually(() => count('Detected a change of more/new.mjs. Redeploying.') > 0)
    expect(cluster.stdout()).to.not.contain('notes.txt').and.not.contain('node_modules')
    expect(count('Redeploying.')).to.be.greaterThan(before)
  })

  it('says also of what is built but does not start that it failed', async () => {
    const failures = () => count('Deploying the latest version of the application failed.')
    const before = failures()
    const broken = main.replace('() => ({ call: () => word })', "() => { throw new Error('no model') }")
    writeFileSync(join(directory, 'main.mjs'), broken)
    await eventually(() => failures() > before, { withinMs: 20_000 })
    expect(cluster.stderr()).to.contain("ERROR: Deploying application 'default' failed: ")
    // The one before may not have proved itself yet.
    expect(['two', 'three']).to.include(await answer())
    writeFileSync(join(directory, 'main.mjs'), main)
    const since = () => cluster.stdout().slice(cluster.stdout().lastIndexOf('Redeploying.'))
    await eventually(() => since().includes("Application 'default' is ready at "), { withinMs: 20_000 })
    await eventually(async () => (await answer()) === 'three', { withinMs: 20_000 })
  })

  it('does not wait without end for whoever writes without a pause', async () => {
    const isSeen = () => cluster.stdout().includes('Detected a change of busy.json. Redeploying.')
    const writing = setInterval(() => writeFileSync(join(directory, 'busy.json'), '{}'), 30)
    try {
      await eventually(isSeen, { withinMs: 8_000 })
    } finally {
      clearInterval(writing)
    }
  })
})

describe('batoid run --reload of what is broken at first', () => {
  const directory = mkdtempSync(join(tmpdir(), 'batoid-test-'))
  let launched: Launched | undefined
  const FAILED = 'Deploying the latest version of the application failed.'

  afterEach(async () => {
    launched?.signal('SIGINT')
    await launched?.ended
    await launched?.dispose()
    launched = undefined
  })
  after(() => rmSync(directory, { recursive: true }))

  /** Starts it, and mends it once it has failed. */
  async function mends(target: string, file: string, broken: string, good: string): Promise<Launched> {
    writeFileSync(join(directory, file), broken)
    const run = launch(target, { cwd: directory, args: ['--reload'] })
    launched = run
    await eventually(() => run.stdout().includes(FAILED), { withinMs: 20_000 })
    writeFileSync(join(directory, file), good)
    const url = await eventually(() => /is ready at (\S+)\.\n/.exec(run.stdout())?.[1], { withinMs: 20_000 })
    expect(await (await fetch(url)).text()).to.equal('one')
    return run
  }

  it('starts it at the next good edit', async () => {
    mkdirSync(join(directory, 'words'))
    writeFileSync(join(directory, 'main.mjs'), main)
    const run = await mends('main.mjs:app', 'words/word.mjs', 'export const word = \n', `export const word = 'one'\n`)
    expect(run.stderr()).to.match(/SyntaxError/)
  })

  it('starts it also if its factory threw', async () => {
    const factory = `import { deployment } from '${BATOID}'
function Word() { THROW; return { call: () => 'one' } }
export const app = deployment(Word, { maxConstructorRetryCount: 1, rayActorOptions: { numCpus: 0.1 } }).bind()
`
    const run = await mends(
      'factory.mjs:app',
      'factory.mjs',
      factory.replace('THROW', "throw new Error('no model')"),
      factory.replace('THROW', ''),
    )
    expect(run.stderr()).to.match(/^ERROR: Deploying application 'default' failed: .*no model/s)
  })

  it('reads a configuration again that could not be read', async () => {
    const good = `applications: [{import_path: 'main.mjs:app'}]\n`
    const run = await mends('serve.yaml', 'serve.yaml', 'applications: [{import_pth: x}]\n', good)
    expect(run.stderr()).to.match(/^ERROR: serve\.yaml:1:\d+: .*import_path/m)
    expect(run.stdout()).to.contain('Submitted deploy config successfully.')
  })
})
