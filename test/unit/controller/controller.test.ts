import { expect } from 'chai'
import type { Peer } from '../../../controller/channel-server.ts'
import { Controller } from '../../../controller/controller.ts'
import { NOTHING } from '../../../controller/target.ts'
import { resolveOptions } from '../../../replica/options.ts'
import { deploymentId, type ReplicaId } from '../../../shared/ids.ts'
import { PROTOCOL } from '../../../shared/protocol.ts'
import type { ReplicaSettings } from '../../../shared/settings.ts'
import { ManualClock } from '../../helpers/clock.ts'
import { specOf } from '../../helpers/spec.ts'

const spec = specOf({
  name: 'default',
  routePrefix: '/',
  workingDir: '/',
  ingress: 'Model',
  deployments: [{ name: 'Model', options: resolveOptions('Model', {}) }],
})
const deployment = deploymentId({ application: 'default', deployment: 'Model' })
const deployed = { spec, source: 'imperative', lastDeployedTimeS: 0, lastGood: spec, rolledBack: undefined } as const

/** A controller after one that had started this replica, of which nothing has been heard yet. */
function restarted(clock: ManualClock, isAlive = true) {
  const replica = 'replica1' as ReplicaId
  const started: ReplicaSettings[] = []
  const killed: ReplicaId[] = []
  const lines: string[] = []
  const controller = new Controller({
    processes: {
      start: (settings) => void started.push(settings),
      adopt: () => isAlive,
      factsOf: () => undefined,
      kill: (id) => void killed.push(id),
    },
    clock,
    random: () => 0.5,
    hash: (text) => text,
    date: () => 0,
    machine: { resources: { CPU: 1 }, gpus: [] },
    tableVersion: 0,
    former: {
      replicas: [{ replica, deployment, pid: undefined }],
      living: () => Promise.resolve([replica]),
      forget: () => {},
      state: { ...NOTHING, applications: [deployed] },
    },
    save: () => {},
    setLogging: () => {},
    log: ({ text }) => void lines.push(text),
  })
  return { controller, started, killed, lines, replica }
}

const says = (replica: ReplicaId): Peer => ({
  hello: {
    protocol: PROTOCOL,
    version: '',
    pid: 2,
    role: {
      kind: 'replica',
      replica,
      deployment,
      version: '',
      config: '',
      allotment: { resources: {}, gpus: [] },
      startTimeoutMs: 1000,
      drainTimeoutMs: 1000,
      phase: { name: 'starting' },
      health: { failures: 0 },
    },
  },
  request: () => new Promise(() => {}),
  close: () => {},
})

describe('a controller that is told to leave before it has heard from a replica of the one before', () => {
  it('starts nothing, and waits for that one as long as it would otherwise', async () => {
    const clock = new ManualClock()
    const { controller, started } = restarted(clock)
    let hasLeft = false
    const left = controller.shutDown().then(() => (hasLeft = true))
    await clock.pass(4_900)
    expect(hasLeft).to.equal(false)
    await clock.pass(200)
    await left
    expect(started).to.deep.equal([])
  })
})

describe('a replica that is frozen when the controller is restarted', () => {
  const frozen = { code: 'frozen', message: 'stopped' } as const
  const { frozenTimeoutS } = resolveOptions('Model', {})

  it('has its successor started at once, and is killed after frozenTimeoutS', async () => {
    const clock = new ManualClock()
    const { controller, started, killed, replica } = restarted(clock)
    controller.frozen({ deployment, replica }, frozen)
    expect(started).to.have.length(1)
    await clock.pass(frozenTimeoutS * 1000 - 1)
    expect(killed).to.deep.equal([])
    await clock.pass(1)
    expect(killed).to.deep.equal([replica])
  })

  it('is left alone once it goes on', async () => {
    const clock = new ManualClock()
    const { controller, killed, replica } = restarted(clock)
    controller.frozen({ deployment, replica }, frozen)
    controller.frozen({ deployment, replica }, undefined)
    await clock.pass(frozenTimeoutS * 1000)
    expect(killed).to.not.include(replica)
  })

  it('is killed at once by a controller that is told to leave, which waits for its end', async () => {
    const { controller, killed, replica } = restarted(new ManualClock())
    controller.frozen({ deployment, replica }, frozen)
    void controller.shutDown()
    expect(killed).to.deep.equal([replica])
  })

  it('is known to be frozen when its hello, sent before, is read only then', () => {
    const { controller, lines, replica } = restarted(new ManualClock())
    controller.frozen({ deployment, replica }, frozen)
    controller.connected(says(replica))
    expect(lines.join()).to.include('gets no requests for now: stopped')
  })
})

describe('the hello of a replica', () => {
  for (const isAlive of [true, false]) {
    it(isAlive ? 'has it taken over' : 'says nothing any more if its process has ended before it was read', () => {
      const { controller, replica } = restarted(new ManualClock(), isAlive)
      controller.connected(says(replica))
      const known = controller.details().applications.flatMap(({ deployments }) => deployments[0]?.replicas ?? [])
      expect(known.some(({ id }) => id === replica)).to.equal(isAlive)
    })
  }
})
