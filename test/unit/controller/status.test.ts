import { expect } from 'chai'
import { desiredOf } from '../../../controller/desired.ts'
import { routes } from '../../../controller/endpoints.ts'
import { observe, record } from '../../../controller/ledger.ts'
import { reconcile } from '../../../controller/reconcile.ts'
import {
  type Observed,
  type ObservedDeployment,
  type ObservedReplica,
  type Phase,
  revisionOf,
  unseen,
} from '../../../controller/state.ts'
import type { Deployed } from '../../../controller/applications.ts'
import { applicationStatus, statuses } from '../../../controller/status.ts'
import { deploymentId, type ReplicaId } from '../../../shared/ids.ts'
import { resolveOptions } from '../../../replica/options.ts'
import type { DeploymentOptions } from '../../../shared/config/deployment.ts'
import { specOf } from '../../helpers/spec.ts'

const application = specOf({ deployments: [{ name: 'Cart', options: resolveOptions('Cart', { numReplicas: 2 }) }] })
const id = deploymentId({ application: 'shop', deployment: 'Cart' })
const desired = desiredOf([application], (text) => `v${text.length}`, null)
const { version, config } = desired.get(id)!
const revision = revisionOf({ version, config })
const up: Phase = { name: 'running', address: '/a.sock', since: 0 }
const starting: Phase = { name: 'starting', deadline: 1, timeoutMs: 1 }

const plain = {
  version,
  config,
  taking: undefined,
  allotment: { resources: {}, gpus: [] },
  drainTimeoutMs: 1,
  health: { failures: 0 },
  frozen: undefined,
  interrupted: undefined,
}

function seen(phases: readonly Phase[], more: Partial<ObservedDeployment> = {}): Observed {
  const replicas = phases.map((phase, i) => {
    const replica = `replica${i}` as ReplicaId
    return [replica, { ...plain, id: replica, phase }] as const
  })
  return new Map([[id, { ...unseen, replicas: new Map(replicas), ...more }]])
}

const failures = new Map([
  [
    revision,
    {
      inARow: 6,
      hasty: 6,
      notBefore: 0,
      starts: 6,
      lost: 0,
      lastError: { code: 'constructor_failed', message: 'no model' },
    },
  ],
] as const)

/** The statuses of one deployment as a story goes on. */
class Story {
  options: DeploymentOptions = { numReplicas: 2 }
  lastLines: readonly string[] = []
  #observed: Observed = new Map()
  #now = 0
  #count = 0

  get replicas(): ObservedReplica[] {
    return [...(this.#observed.get(id)?.replicas.values() ?? [])]
  }

  tell(which: number, on: 'running' | 'exited' | 'reconfigured' | 'frozen' | 'thawed' | 'interrupted'): this {
    const { id: replica, taking: config = '' } = this.replicas[which]!
    const about = {
      deployment: id,
      replica,
      config,
      address: '/a',
      error: problem,
      lastLines: this.lastLines,
      requestIds: ['id-1', 'id-2'],
    }
    this.#observed = observe(this.#observed, { ...about, on }, this.#now, () => 0.5)
    return this
  }

  checked(which: number, failures: number): this {
    const error = { code: 'unhealthy', message: 'no database' } as const
    const event = {
      on: 'checked',
      deployment: id,
      replica: this.replicas[which]!.id,
      health: { failures, error },
    } as const
    this.#observed = observe(this.#observed, event, this.#now, () => 0.5)
    return this
  }

  get status(): string {
    this.#now += 10_000
    const spec = { ...application, deployments: [{ name: 'Cart', options: resolveOptions('Cart', this.options) }] }
    const wanted = desiredOf([spec], (text) => text, null)
    const newReplicaId = (): ReplicaId => `replica${(this.#count += 1)}` as ReplicaId
    for (const action of reconcile(wanted, this.#observed, { now: this.#now, machine, newReplicaId })) {
      this.#observed = record(this.#observed, action, this.#now)
    }
    const { status, deployments } = applicationStatus(spec, wanted, this.#observed)
    const own = deployments[0]!
    return [status, own.status, own.trigger, JSON.stringify(own.replicaStates), own.message].join(' ').trim()
  }
}

const machine = { resources: { CPU: 100 }, gpus: [] }
const problem = { code: 'constructor_failed', message: 'no model' } as const

function running(): Story {
  const story = new Story()
  expect(story.status).to.equal('DEPLOYING UPDATING CONFIG_UPDATE_STARTED {"STARTING":2}')
  story.tell(0, 'running')
  expect(story.status).to.equal('DEPLOYING UPDATING CONFIG_UPDATE_STARTED {"RUNNING":1,"STARTING":1}')
  story.tell(1, 'running')
  expect(story.status).to.equal('RUNNING HEALTHY CONFIG_UPDATE_COMPLETED {"RUNNING":2}')
  return story
}

describe('the status of a deployment', () => {
  it('is UPDATING until all replicas run, then HEALTHY', () => void running())

  it('is UNHEALTHY while a replica is lost, and HEALTHY again afterwards', () => {
    const story = running().tell(0, 'exited')
    expect(story.status).to.match(
      /^UNHEALTHY UNHEALTHY HEALTH_CHECK_FAILED {"RUNNING":1,"STARTING":1} A replica's health/,
    )
    story.tell(1, 'running')
    expect(story.status).to.equal('RUNNING HEALTHY UNSPECIFIED {"RUNNING":2}')
  })

  it('is UNHEALTHY after three failed health checks, until as many as are wanted are well', () => {
    const story = running().checked(0, 2)
    expect(story.status).to.match(/^RUNNING HEALTHY/)
    expect(story.checked(0, 3).status).to.match(
      /^UNHEALTHY UNHEALTHY HEALTH_CHECK_FAILED {"STOPPING":1,"RUNNING":1,"STARTING":1} A replica's health check failed\. .* Replica replica1 is unhealthy: no database\.$/,
    )
    story.tell(2, 'running').tell(0, 'exited')
    expect(story.status).to.equal('RUNNING HEALTHY UNSPECIFIED {"RUNNING":2}')
  })

  it('is UNHEALTHY while a replica is frozen', () => {
    const story = running()
    story.options = { numReplicas: 2, frozenTimeoutS: 600 }
    expect(story.tell(0, 'frozen').status).to.match(/^UNHEALTHY .* Replica replica1 is frozen: no model\.$/)
    expect(story.tell(0, 'thawed').status).to.equal('RUNNING HEALTHY UNSPECIFIED {"RUNNING":2}')
  })

  it('is UNHEALTHY, and says why, when an update brings replicas that are', () => {
    const story = running()
    story.options = { numReplicas: 2, rayActorOptions: { numCpus: 2 } }
    expect(story.status).to.match(/^DEPLOYING UPDATING/)
    expect(story.tell(2, 'running').checked(2, 3).status).to.match(
      /^UNHEALTHY UNHEALTHY HEALTH_CHECK_FAILED .* is unhealthy: no database\.$/,
    )
  })

  it('is DEPLOY_FAILED when the replicas of an update die as often as they may fail to start, and says why', () => {
    const story = running()
    story.options = { numReplicas: 2, rayActorOptions: { numCpus: 2 } }
    for (let i = 0; i < 6; i += 1) {
      for (let turns = 0; turns < 4; turns += 1) void story.status
      const at = story.replicas.findIndex(({ phase }) => phase.name === 'starting')
      story.tell(at, 'running').tell(at, 'exited')
      expect(story.status).to.match(
        i < 5
          ? /^UNHEALTHY UNHEALTHY HEALTH_CHECK_FAILED .* died: no model\.$/
          : /^DEPLOY_FAILED DEPLOY_FAILED HEALTH_CHECK_FAILED .* died: no model\.$/,
      )
    }
  })

  it('says what takes long, and until it does not', () => {
    const story = new Story()
    for (let i = 0; i < 4; i += 1) void story.status
    expect(story.status).to.match(
      /^DEPLOYING UPDATING CONFIG_UPDATE_STARTED .* Deployment 'Cart' in application 'shop' has 2 replicas that have taken more than 30s to initialize\.\nThis may be caused by/,
    )
    story.tell(0, 'running').tell(1, 'running')
    expect(story.status).to.equal('RUNNING HEALTHY CONFIG_UPDATE_COMPLETED {"RUNNING":2}')
    story.options = { numReplicas: 2, rayActorOptions: { numCpus: 1000 } }
    for (let i = 0; i < 4; i += 1) void story.status
    expect(story.status).to.match(
      / has 1 replicas that have taken more than 30s to be scheduled\. .* each replica: {"CPU": 1000}, total resources available: {"CPU": 100}\.$/,
    )
  })

  it('names the requests that a dead replica was serving, and shows its last lines', () => {
    const story = running().tell(0, 'interrupted').tell(0, 'exited')
    expect(story.status).to.match(/ died: no model\. It was serving id-1, id-2\.$/)
    story.lastLines = ['1', '2', '3', '4', '5', '6']
    expect(story.tell(0, 'exited').status).to.match(/\.\nIts last lines:\n2\n3\n4\n5\n6$/)
  })

  it('shows of a stack among the last lines what was thrown and where', () => {
    const story = running()
    story.lastLines = ['Error: no model', ...['a', 'b', 'c', 'd', 'e', 'f'].map((name) => `    at ${name} (main.ts)`)]
    expect(story.tell(0, 'exited').status).to.match(/\.\nIts last lines:\nError: no model\n    at a \(main\.ts\)$/)
  })

  it('says from how many to how many replicas it is scaled', () => {
    const story = running()
    story.options = { numReplicas: 3 }
    expect(story.status).to.match(/^DEPLOYING UPSCALING CONFIG_UPDATE_STARTED .* Upscaling from 2 to 3 replicas\.$/)
    story.tell(2, 'running')
    expect(story.status).to.equal('RUNNING HEALTHY UPSCALE_COMPLETED {"RUNNING":3}')
    story.options = { numReplicas: 1 }
    expect(story.status).to.match(/^DEPLOYING DOWNSCALING CONFIG_UPDATE_STARTED .* Downscaling from 3 to 1 replicas\.$/)
    story.tell(1, 'exited').tell(1, 'exited')
    expect(story.status).to.equal('RUNNING HEALTHY DOWNSCALE_COMPLETED {"RUNNING":1}')
  })

  it('is UPDATING while replicas take a config over', () => {
    const story = running()
    story.options = { numReplicas: 2, userConfig: 1 }
    expect(story.status).to.equal('DEPLOYING UPDATING CONFIG_UPDATE_STARTED {"UPDATING":1,"RUNNING":1}')
    story.tell(0, 'reconfigured')
    expect(story.status).to.match(/"UPDATING":1/)
    story.tell(1, 'reconfigured')
    expect(story.status).to.equal('RUNNING HEALTHY CONFIG_UPDATE_COMPLETED {"RUNNING":2}')
  })

  it('is DEPLOY_FAILED once the starts of an update have failed too often, and says why, before and after', () => {
    const story = new Story()
    expect(story.status).to.match(/^DEPLOYING/)
    for (let i = 0; i < 5; i += 1) {
      story.tell(0, 'exited')
      expect(story.status).to.match(
        /^DEPLOYING UPDATING .* A replica failed to start with exception\. Retrying \d more/,
      )
    }
    story.tell(0, 'exited')
    expect(story.status).to.match(
      /^DEPLOY_FAILED DEPLOY_FAILED REPLICA_STARTUP_FAILED .*failed to start 6 times in a row/,
    )
    expect(story.status).to.match(/no model$/)
  })

  it('is UPDATING because of DELETING when nobody wants it any more', () => {
    const gone = applicationStatus(application, new Map(), seen([{ name: 'draining', deadline: 1 }]))
    expect(gone.deployments[0]).to.include({ status: 'UPDATING', trigger: 'DELETING' })
  })
})

describe('the status of an application', () => {
  it('names the deployments that failed', () => {
    const { status, message } = applicationStatus(application, desired, seen([], { failures }))
    expect(status).to.equal('DEPLOY_FAILED')
    expect(message).to.match(/^Failed to update the deployments \['Cart'\]\. The deployment failed to start 6 times/)
  })

  it('names the deployments that are unhealthy', () => {
    const reached = { revision, targetReplicas: 2, by: 'update', holds: false } as const
    const { status, message } = applicationStatus(application, desired, seen([up], { reached }))
    expect([status, message]).to.deep.equal(['UNHEALTHY', "The deployments ['Cart'] are UNHEALTHY."])
  })
})

describe('all statuses', () => {
  const deployed: Deployed = {
    spec: application,
    source: 'imperative',
    lastDeployedTimeS: 1,
    lastGood: application,
    rolledBack: undefined,
  }

  it('count the replicas that have not been heard of since the controller was restarted', () => {
    const [own] = statuses([deployed], desired, seen([up]), [id])
    expect(own?.deployments[0]?.replicaStates).to.deep.equal({ RUNNING: 1, RECOVERING: 1 })
  })

  it('say that a version was taken back, and what else there is to say', () => {
    const reached = { revision, targetReplicas: 2, by: 'update', holds: false } as const
    const [own] = statuses([{ ...deployed, rolledBack: 'no model' }], desired, seen([up], { reached }))
    expect(own?.message).to.match(/ are UNHEALTHY\.\nThe last good version was restored, .*: no model$/)
  })
})

describe('routes', () => {
  it('hold the running replicas of the ingress, and no others', () => {
    const [route] = routes([application], desired, seen([up, starting, { name: 'draining', deadline: 1 }]))
    expect(route?.prefix).to.equal('/shop')
    expect(route?.replicas).to.deep.equal([{ id: 'replica0', address: '/a.sock' }])
    expect(route?.failed).to.equal(false)
  })

  it('leave out a replica that is frozen', () => {
    const observed = observe(
      seen([up, up]),
      { on: 'frozen', deployment: id, replica: 'replica0' as ReplicaId, error: problem },
      0,
      () => 0,
    )
    expect(routes([application], desired, observed)[0]?.replicas.map(({ id }) => id)).to.deep.equal(['replica1'])
  })

  it('say that a deployment has failed, so that nobody waits for it', () => {
    expect(routes([application], desired, seen([], { failures }))[0]?.failed).to.equal(true)
  })

  it('leave out an application without a prefix', () => {
    expect(routes([{ ...application, routePrefix: null }], desired, seen([up]))).to.deep.equal([])
  })
})
