import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import type { Deployed } from '../../controller/applications.ts'
import { type DesiredState, NOTHING } from '../../controller/target.ts'
import { Checkpoint } from '../../controller/checkpoint.ts'
import { resolveOptions } from '../../replica/options.ts'
import { startCluster } from '../helpers/cluster.ts'
import { eventually } from '../helpers/eventually.ts'
import { specOf } from '../helpers/spec.ts'

const application = specOf({
  deployments: [{ name: 'Cart', options: resolveOptions('Cart', { userConfig: { ü: [1] } }) }],
})

const deployed: Deployed = {
  spec: application,
  source: 'imperative',
  lastDeployedTimeS: 1795332684.9,
  lastGood: { ...application, importPath: 'before:app' },
  rolledBack: 'no model',
}

const state: DesiredState = { ...NOTHING, applications: [deployed] }

describe('a checkpoint', () => {
  const directory = mkdtempSync(join(tmpdir(), 'batoid-test-'))
  const path = join(directory, 'controller.json')
  const checkpoint = new Checkpoint({ path, version: '1.2.3' })

  afterEach(() => {
    for (const file of [path, `${path}.new`, `${path}.damaged`]) rmSync(file, { force: true, recursive: true })
  })
  after(() => rmSync(directory, { recursive: true }))

  it('gives back what was saved, and tells nothing from not known', () => {
    expect(checkpoint.load()).to.deep.equal({ state: 'none' })
    const error = { code: 'module_failed', message: 'no model' } as const
    for (const wanted of [
      state,
      { ...state, applications: [{ ...deployed, lastGood: undefined, rolledBack: undefined }] },
      { ...NOTHING, targetCapacity: 50, unbuilt: [{ name: 'a' }, { name: 'b', error }] },
      NOTHING,
      undefined,
    ]) {
      checkpoint.save(wanted)
      expect(checkpoint.load()).to.deep.equal({ state: 'intact', wanted })
    }
    checkpoint.remove()
    expect(checkpoint.load()).to.deep.equal({ state: 'none' })
  })

  const damages = {
    'cut off': () => JSON.stringify({ format: 5, version: '1.2.3', wanted: state }).slice(0, 50),
    empty: () => '',
    'of another format': () => '{"format":9,"version":"9.9.9","wanted":null}',
    'without a part': () => '{"format":5,"version":"1.2.3","wanted":{"applications":[{"name":"shop"}]}}',
    'no object': () => 'null',
  }
  for (const [how, damaged] of Object.entries(damages)) {
    it(`that is ${how} is set aside, once`, () => {
      writeFileSync(path, damaged())
      const found = checkpoint.load()
      expect(found.state).to.equal('damaged')
      expect(readFileSync(`${path}.damaged`, 'utf8')).to.equal(damaged())
      expect(checkpoint.load()).to.deep.equal({ state: 'none' })
    })
  }

  it('that cannot be read now, and may be whole, is left where it is', () => {
    mkdirSync(path)
    expect(() => checkpoint.load()).to.throw('EISDIR')
    expect(existsSync(path)).to.equal(true)
  })

  it('that cannot be written leaves the one before, and says what to do', () => {
    checkpoint.save(state)
    const blocked = new Checkpoint({ path: join(directory, 'missing', 'controller.json'), version: '1.2.3' })
    expect(() => blocked.save(NOTHING)).to.throw(
      /cannot write down what shall run, so nothing was changed: .*; make room in/,
    )
    expect(checkpoint.load()).to.deep.equal({ state: 'intact', wanted: state })
  })
})

describe('a controller that has gone', () => {
  it('knows afterwards what shall run, without anybody telling it', async () => {
    const cluster = await startCluster('test/fixtures/hello.mjs:app')
    try {
      const before = await (await fetch(cluster.url)).text()
      process.kill(Number(/\(ServeController pid=(\d+)\)/.exec(cluster.stdout())?.[1]), 'SIGKILL')
      await eventually(() =>
        cluster.stdout().includes("Recovering target state for application 'default' from checkpoint."),
      )
      expect(await (await fetch(cluster.url)).text()).to.equal(before)
    } finally {
      expect((await cluster.stop()).code).to.equal(0)
      await cluster.dispose()
    }
  })

  it('is told anew by the launcher what shall run when it was asked to leave', async () => {
    const cluster = await startCluster('test/fixtures/hello.mjs:app')
    try {
      process.kill(Number(/\(ServeController pid=(\d+)\)/.exec(cluster.stdout())?.[1]), 'SIGTERM')
      await eventually(() => cluster.stdout().match(/Deploying new version/g)?.length === 2, { withinMs: 20_000 })
      await eventually(async () => (await fetch(cluster.url)).status === 200, { withinMs: 20_000 })
    } finally {
      expect((await cluster.stop()).code).to.equal(0)
      await cluster.dispose()
    }
  })

  it('goes on serving when its checkpoint is damaged, and says so', async () => {
    const cluster = await startCluster('test/fixtures/hello.mjs:app')
    try {
      const pids = () => cluster.pids().length
      const path = join(cluster.session, 'controller.json')
      writeFileSync(path, 'rubbish')
      process.kill(Number(/\(ServeController pid=(\d+)\)/.exec(cluster.stdout())?.[1]), 'SIGKILL')
      await eventually(() =>
        cluster.stdout().includes('The checkpoint of the controller before this one cannot be read'),
      )
      await eventually(() => readFileSync(path, 'utf8').includes('hello.mjs'))
      expect(existsSync(`${path}.damaged`)).to.equal(true)
      expect((await fetch(cluster.url)).status).to.equal(200)
      expect(cluster.stdout()).to.not.match(/Removing|Adding \d+ replicas? to .*\n[^]*Adding/)
      await eventually(() => pids() >= 4)
    } finally {
      expect((await cluster.stop()).code).to.equal(0)
      await cluster.dispose()
    }
  })
})
