import { expect } from 'chai'
import {
  type Deployed,
  restored,
  settled,
  withApplication,
  without,
  withReplicas,
} from '../../../controller/applications.ts'
import { deploymentId } from '../../../shared/ids.ts'
import type { ApplicationSpec } from '../../../shared/protocol.ts'
import { specOf } from '../../helpers/spec.ts'

const spec = (name: string, more: Partial<ApplicationSpec> = {}): ApplicationSpec =>
  specOf({ name, routePrefix: `/${name}`, ...more })
const deploying = { source: 'imperative', nowS: 5 } as const
const deployed = (application: ApplicationSpec, more: Partial<Deployed> = {}): Deployed => ({
  spec: application,
  source: 'imperative',
  lastDeployedTimeS: 5,
  lastGood: undefined,
  rolledBack: undefined,
  ...more,
})
const running = { status: 'RUNNING', message: '' } as const
const failed = { status: 'DEPLOY_FAILED', message: 'no model' } as const
const names = (all: readonly Deployed[]) => all.map((one) => one.spec.name)

describe('the applications that shall run', () => {
  it('are added to, and replaced by those of their names', () => {
    const one = withApplication([], spec('a'), deploying)
    const two = withApplication(one, spec('b'), deploying)
    const other = spec('a', { importPath: 'other:app' })
    const three = withApplication(two, other, { source: 'imperative', nowS: 9 })
    expect(names(three)).to.deep.equal(['a', 'b'])
    expect(three[0]).to.deep.equal(deployed(other, { lastDeployedTimeS: 9 }))
    expect(three[1]).to.equal(two[1])
  })

  it('stay as they are when the same is deployed again', () => {
    const one = withApplication([], spec('a'), deploying)
    expect(withApplication(one, spec('a'), { source: 'imperative', nowS: 9 })).to.deep.equal(one)
  })

  it('are no more when they are deleted', () => {
    const all = ['a', 'b', 'c'].map((name) => deployed(spec(name)))
    expect(names(without(all, ['b', 'unknown']))).to.deep.equal(['a', 'c'])
  })

  it('may have another number of replicas', () => {
    const all = [deployed(spec('a')), deployed(spec('b'))]
    const cart = (application: string) => deploymentId({ application, deployment: 'Cart' })
    const next = withReplicas(all, cart('b'), 3)
    expect(next?.map((one) => one.spec.deployments[0]?.options.numReplicas)).to.deep.equal([1, 3])
    expect(withReplicas(all, cart('c'), 3)).to.equal(undefined)
  })
})

describe('an application that has been deployed', () => {
  const [good, bad] = [spec('a'), spec('a', { importPath: 'bad:app', rollback: true })]

  it('is good once it runs', () => {
    expect(settled(deployed(good), running)).to.deep.equal(deployed(good, { lastGood: good }))
    expect(settled(deployed(good), failed)).to.deep.equal(deployed(good))
  })

  it('is taken back when it cannot be brought up, if it asks for that and something was good before', () => {
    const before = deployed(bad, { lastGood: good })
    const after = settled(before, failed)
    expect(after).to.deep.equal(deployed(good, { lastGood: good, rolledBack: 'no model' }))
    expect(settled(after, failed)).to.equal(after)
    expect(settled(after, running)).to.equal(after)
    expect(settled(before, { status: 'UNHEALTHY', message: '' })).to.equal(before)
    const willing = deployed({ ...bad, rollback: false }, { lastGood: good })
    expect(settled(willing, failed)).to.equal(willing)
    expect(settled(deployed(bad), failed)).to.deep.equal(deployed(bad))
  })

  it('is tried again when it is deployed again after it was taken back', () => {
    const back = deployed(good, { lastGood: good, rolledBack: 'no model' })
    expect(withApplication([back], bad, { source: 'imperative', nowS: 9 })).to.deep.equal([
      deployed(bad, { lastGood: good, lastDeployedTimeS: 9 }),
    ])
    expect(withApplication([back], good, { source: 'imperative', nowS: 9 })[0]?.rolledBack).to.equal(undefined)
  })

  it('is not taken back to itself after a restart of the controller', () => {
    const read = (one: Deployed): Deployed => restored(JSON.parse(JSON.stringify(one)))
    const own = read(deployed(bad, { lastGood: bad }))
    expect(settled(own, failed)).to.equal(own)
    expect(settled(read(deployed(bad, { lastGood: good })), failed).spec).to.deep.equal(good)
  })
})
