import { expect } from 'chai'
import type { Deployed } from '../../../controller/applications.ts'
import { LOGGING_DEFAULTS } from '../../../shared/config/defaults.ts'
import { Loop } from '../../../controller/loop.ts'
import { resolveOptions } from '../../../replica/options.ts'
import type { Clock } from '../../../shared/clock.ts'
import { deploymentId, type ReplicaId } from '../../../shared/ids.ts'
import { ServeError } from '../../../shared/errors.ts'
import type { LoggingConfig } from '../../../shared/config/resolved.ts'
import type { Declaration } from '../../../shared/declaration.ts'
import type { ApplicationSpec } from '../../../shared/protocol.ts'
import type { ReplicaSettings } from '../../../shared/settings.ts'
import { ManualClock } from '../../helpers/clock.ts'
import { specOf } from '../../helpers/spec.ts'

const application = specOf({
  name: 'default',
  routePrefix: '/',
  workingDir: '/',
  ingress: 'Model',
  deployments: [{ name: 'Model', options: resolveOptions('Model', { rayActorOptions: { numCpus: 0.1 } }) }],
})
const deployment = deploymentId({ application: 'default', deployment: 'Model' })

let declarations = 0

function declarationOf(spec: ApplicationSpec, more: Partial<Declaration> = {}): Declaration {
  declarations += 1
  const applications = [{ name: spec.name, build: { state: 'built', spec } as const }]
  return {
    id: `${declarations}`,
    declared: [],
    applications,
    targetCapacity: null,
    loggingConfig: LOGGING_DEFAULTS,
    ...more,
  }
}

/** Time goes on whenever it is looked at, as it does; a timer may be a little early, as Node's are. */
function slowClock() {
  const clock = { nowMs: 1_000, wake: { atMs: Number.NaN, task: () => {} } }
  const port: Clock = {
    now: () => (clock.nowMs += 0.4),
    after(delayMs, task) {
      clock.wake = { atMs: clock.nowMs + delayMs, task }
      return () => (clock.wake = { atMs: Number.NaN, task: () => {} })
    },
  }
  const fire = (earlyMs: number): void => {
    const { atMs, task } = clock.wake
    clock.nowMs = Math.max(clock.nowMs, atMs - earlyMs)
    task()
  }
  return { clock, port, fire }
}

/** A loop in simulated time, and what it made happen. */
function scene(clock: Clock = new ManualClock()) {
  const started: ReplicaSettings[] = []
  const drained: ReplicaId[] = []
  const saved: (readonly Deployed[])[] = []
  const logging: LoggingConfig[] = []
  const said: string[] = []
  const disk = { isFull: false }
  const loop = new Loop({
    effects: {
      save: ({ applications }) => {
        if (disk.isFull) throw new ServeError('checkpoint_failed', 'no space left')
        saved.push(applications)
      },
      reconfigure: () => {},
      start: (settings) => void started.push(settings),
      drain: (replica) => void drained.push(replica),
      kill: () => {},
      publish: () => Promise.resolve(),
      changed: () => {},
      setLogging: (config) => void logging.push(config),
      log: ({ text }) => void said.push(text),
    },
    clock,
    random: Math.random,
    hash: (text) => text,
    date: () => 7_000,
    machine: { resources: { CPU: 1 }, gpus: [] },
    tableVersion: 0,
  })
  const ready = ({ replica }: ReplicaSettings) => loop.tell({ on: 'running', deployment, replica, address: '/a.sock' })
  const exited = (replica: ReplicaId) =>
    loop.tell({ on: 'exited', deployment, replica, error: { code: 'internal', message: 'exit code 1' }, lastLines: [] })
  return { loop, logging, started, drained, saved, said, disk, ready, exited }
}

describe('the loop', () => {
  it('starts the successor of a replica that died twice, however early or late its timer fires', () => {
    for (let earlyMs = -1; earlyMs <= 2; earlyMs += 0.1) {
      const { port, fire } = slowClock()
      const { loop, started, ready, exited } = scene(port)
      loop.deploy(application)
      for (let n = 0; n < 2; n += 1) {
        ready(started[n]!)
        exited(started[n]!.replica)
      }
      expect(started).to.have.lengthOf(2)
      fire(earlyMs)
      fire(0)
      expect(started, `fired ${earlyMs.toFixed(1)} ms early`).to.have.lengthOf(3)
    }
  })

  describe('with an application that shall return to what was good', () => {
    const bad = { ...application, importPath: 'bad:app', rollback: true }

    async function failing() {
      const clock = new ManualClock()
      const world = scene(clock)
      world.loop.deploy(application)
      world.ready(world.started[0]!)
      expect(world.saved.at(-1)?.[0]?.lastGood).to.equal(application)
      world.loop.deploy(bad)
      return { ...world, clock }
    }

    /** Every replica of the bad version ends. */
    async function fail({ started, exited, clock }: Awaited<ReturnType<typeof failing>>): Promise<void> {
      for (let n = 1; n < 10; n += 1) {
        const replica = started[n]
        if (replica?.importPath === 'bad:app') exited(replica.replica)
        await clock.pass(10_000)
      }
    }

    it('wants the last good version again once the new one has failed, says so, and writes it down', async () => {
      const world = await failing()
      await fail(world)
      const { loop, started, saved, said } = world
      expect(started.map(({ importPath }) => importPath)).to.deep.equal(['main:app', ...Array(3).fill('bad:app')])
      expect(saved.at(-1)?.[0]).to.deep.include({ spec: application, lastGood: application })
      expect(said.join('\n')).to.contain("Application 'default' returns to the last version that was good.")
      const [status] = loop.statuses()
      expect(status?.status).to.equal('RUNNING')
      expect(status?.message).to.match(/^The last good version was restored, since the new one failed: .*exit code 1$/s)
    })

    it('does so also when it cannot write it down', async () => {
      const world = await failing()
      world.disk.isFull = true
      await fail(world)
      expect(world.loop.statuses()[0]?.status).to.equal('RUNNING')
    })

    it('tries the new version anew when it is deployed again', async () => {
      const world = await failing()
      await fail(world)
      world.loop.deploy(bad)
      expect(world.started).to.have.lengthOf(5)
      expect(world.loop.statuses()[0]).to.include({ status: 'DEPLOYING', message: '' })
    })
  })

  it('has tables that are newer than those of a controller whose clock was ahead', () => {
    const { loop, started, ready } = scene()
    loop.deploy(application)
    ready(started[0]!)
    const before = loop.table
    loop.exceed(1)
    expect(loop.table).to.equal(before)
    loop.exceed(1_000_000)
    expect(loop.table).to.deep.equal({ routes: before?.routes, version: 1_000_001 })
  })

  it('changes nothing when it cannot write it down', () => {
    const { loop, disk, started } = scene()
    disk.isFull = true
    expect(() => loop.deploy(application)).to.throw(/no space left/)
    expect([loop.statuses(), started]).to.deep.equal([[], []])
  })

  it('runs the share of replicas that the target capacity says, and says so', () => {
    const { loop, started, drained, said, ready } = scene()
    const { deployments, ...rest } = application
    const three = deployments.map((one) => ({ ...one, options: { ...one.options, numReplicas: 3 } }))
    const spec = { ...rest, deployments: three }
    loop.apply(declarationOf(spec, { targetCapacity: 50 }))
    expect(started).to.have.lengthOf(2)
    for (const settings of started) ready(settings)
    loop.apply(declarationOf(spec, { targetCapacity: 0 }))
    expect(loop.statuses()[0]?.deployments[0]?.replicaStates).to.deep.equal({ STOPPING: 2 })
    loop.apply(declarationOf(spec))
    expect(drained.length).to.be.at.most(2)
    expect(said.filter((text) => text.startsWith('Target'))).to.deep.equal([
      'Target capacity scaling down from 100.0 to 50.0.',
      'Target capacity scaling down from 50.0 to 0.0.',
      'Target capacity scaling up from 0.0 to 100.0.',
      'Target capacity entering 100% at steady state.',
    ])
  })

  it('tells running replicas, controller and proxies how to log, and starts nothing for it', () => {
    const { loop, started, logging, said, ready } = scene()
    loop.apply(declarationOf(application))
    ready(started[0]!)
    const loggingConfig = { ...LOGGING_DEFAULTS, logLevel: 'DEBUG' } as const
    loop.apply(declarationOf({ ...application, loggingConfig }, { loggingConfig }))
    expect(logging.at(-1)).to.deep.equal(loggingConfig)
    expect(started).to.have.lengthOf(1)
    expect(said.at(-2)).to.match(/^Updating 1 replicas of .* with outdated deployment configs\.$/)
  })

  it('deletes and scales what it is told', () => {
    const { loop, started, ready, exited } = scene()
    loop.apply(declarationOf(application))
    ready(started[0]!)
    expect(loop.scale(deployment, 2)).to.equal(true)
    expect(started).to.have.lengthOf(2)
    expect(loop.scale(deploymentId({ application: 'default', deployment: 'Other' }), 2)).to.equal(false)
    loop.delete(['default'])
    expect(loop.statuses()).to.deep.include({
      name: 'default',
      status: 'DELETING',
      message: '',
      deployments: [
        {
          name: 'Model',
          status: 'UPDATING',
          trigger: 'DELETING',
          message: '',
          replicaStates: { STOPPING: 2 },
          recentDeadReplicas: [],
        },
      ],
    })
    for (const { replica } of started) exited(replica)
    expect([loop.statuses(), loop.isEmpty()]).to.deep.equal([[], true])
  })

  it('tells all that it knows', () => {
    const { loop, started, ready } = scene()
    loop.deploy(application)
    ready(started[0]!)
    const { replica } = started[0]!
    const facts = { pid: 1, startTimeS: 2, logFile: '/a.log' }
    const [details] = loop.details((id) => (id === replica ? facts : undefined)).applications
    expect(details).to.deep.include({ name: 'default', status: 'RUNNING' })
    expect(details?.deployed).to.deep.include({ source: 'imperative', lastDeployedTimeS: 7, spec: application })
    expect(details?.deployments[0]).to.deep.include({
      name: 'Model',
      status: 'HEALTHY',
      options: application.deployments[0]?.options,
      requiredResources: { CPU: 0.1 },
      replicas: [{ id: replica, state: 'RUNNING', ...facts }],
    })
  })
})
