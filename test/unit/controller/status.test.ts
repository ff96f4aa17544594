import { expect } from 'chai'
import { desiredOf } from '../../../controller/desired.ts'
import { routes } from '../../../controller/endpoints.ts'
import {
  noFailures,
  type Observed,
  type ObservedDeployment,
  type ObservedReplica,
  type Phase,
  revisionOf,
  unseen,
} from '../../../controller/state.ts'
import { applicationStatus } from '../../../controller/status.ts'
import { deploymentId, type ReplicaId } from '../../../shared/ids.ts'
import type { ApplicationSpec } from '../../../shared/protocol.ts'
import { resolveOptions } from '../../../replica/options.ts'

const application: ApplicationSpec = {
  name: 'shop',
  routePrefix: '/shop',
  importPath: 'main:app',
  workingDir: '/work',
  ingress: 'Cart',
  deployments: [{ name: 'Cart', options: resolveOptions('Cart', { numReplicas: 2 }) }],
}
const id = deploymentId({ application: 'shop', deployment: 'Cart' })
const desired = desiredOf([application], (text) => `v${text.length}`)
const { version, config } = desired.get(id)!
const revision = revisionOf({ version, config })
const running: Phase = { name: 'running', address: '/a.sock', since: 0 }
const starting: Phase = { name: 'starting', deadline: 1, timeoutMs: 1 }

const plain = {
  version,
  config,
  taking: undefined,
  cpus: 1,
  drainTimeoutMs: 1,
  health: { failures: 0 },
  frozen: undefined,
}

function seen(phases: readonly Phase[], more: Partial<ObservedDeployment> = {}): Observed {
  const replicas = phases.map((phase, i) => {
    const replica = `replica${i}` as ReplicaId
    return [replica, { ...plain, id: replica, phase }] as const
  })
  return new Map([[id, { ...unseen, replicas: new Map(replicas), ...more }]])
}

const status = (observed: Observed) => applicationStatus(application, desired, observed)
const failures = new Map([
  [
    revision,
    { inARow: 6, notBefore: 0, lost: 0, starts: 6, lastError: { code: 'constructor_failed', message: 'no model' } },
  ],
] as const)

const sick = (more: Partial<ObservedReplica>): Observed => {
  const observed = seen([running, running])
  const replicas = new Map(observed.get(id)?.replicas)
  replicas.set('replica0' as ReplicaId, { ...plain, id: 'replica0' as ReplicaId, phase: running, ...more })
  return new Map([[id, { ...unseen, replicas }]])
}

describe('applicationStatus', () => {
  it('is RUNNING when as many run as are wanted', () => {
    expect(status(seen([running, running]))).to.deep.equal({ status: 'RUNNING', message: '' })
  })

  it('is DEPLOYING while one is missing', () => expect(status(seen([running, starting])).status).to.equal('DEPLOYING'))

  it('is UNHEALTHY when none is left of those that ran', () => {
    const died = new Map([[revision, { ...noFailures, lost: 1 }]])
    expect(status(seen([starting], { failures: died }))).to.deep.equal({
      status: 'UNHEALTHY',
      message: "The deployments ['Cart'] are UNHEALTHY.",
    })
  })

  it('is UNHEALTHY while a replica is frozen, or fails its health checks', () => {
    const error = { code: 'frozen', message: 'stopped' } as const
    expect(status(sick({ health: { failures: 2 } })).status).to.equal('RUNNING')
    expect(status(sick({ health: { failures: 3 } })).status).to.equal('UNHEALTHY')
    expect(status(sick({ frozen: { since: 0, error } })).status).to.equal('UNHEALTHY')
  })

  it('is DEPLOY_FAILED when the deployment is given up, and says why', () => {
    const { status: opinion, message } = status(seen([], { failures }))
    expect(opinion).to.equal('DEPLOY_FAILED')
    expect(message).to.match(
      /^Failed to update the deployments \['Cart'\]\. The deployment failed to start 6 times in a row\./,
    )
    expect(message).to.match(/no model$/)
  })
})

describe('routes', () => {
  it('hold the running replicas of the ingress, and no others', () => {
    const [route] = routes([application], desired, seen([running, starting, { name: 'draining', deadline: 1 }]))
    expect(route?.prefix).to.equal('/shop')
    expect(route?.replicas).to.deep.equal([{ id: 'replica0', address: '/a.sock' }])
    expect(route?.failed).to.equal(false)
  })

  it('leave out a replica that is frozen', () => {
    const observed = sick({ frozen: { since: 0, error: { code: 'frozen', message: 'stopped' } } })
    expect(routes([application], desired, observed)[0]?.replicas.map(({ id }) => id)).to.deep.equal(['replica1'])
  })

  it('say that a deployment has failed, so that nobody waits for it', () => {
    expect(routes([application], desired, seen([], { failures }))[0]?.failed).to.equal(true)
  })

  it('leave out an application without a prefix', () => {
    expect(routes([{ ...application, routePrefix: null }], desired, seen([running]))).to.deep.equal([])
  })
})
