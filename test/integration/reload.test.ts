import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect } from 'chai'
import { type Cluster, startCluster } from '../helpers/cluster.ts'
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
})
