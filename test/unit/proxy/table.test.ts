import { expect } from 'chai'
import { hasSameEndpoints, isNewer, listRoutes, routeOf, showEndpoints } from '../../../proxy/table.ts'
import { deploymentId } from '../../../shared/ids.ts'
import type { EndpointTable } from '../../../shared/protocol.ts'
import { routeTo } from '../../helpers/route.ts'

const classifier = deploymentId({ application: 'default', deployment: 'ClassifierDeployment' })
const one = routeTo({ deployment: classifier })
const two = routeTo({ prefix: '/fa', application: 'fa' })
const table = (...routes: EndpointTable['routes']): EndpointTable => ({ version: 1, routes })

describe('the endpoint table', () => {
  it('is shown as Ray Serve shows it', () => {
    expect(showEndpoints(table())).to.equal('{}')
    expect(showEndpoints(table(one))).to.equal(
      "{Deployment(name='ClassifierDeployment', app='default'): EndpointInfo(route='/', app_is_cross_language=False)}",
    )
    expect(showEndpoints(table(two, two))).to.equal(
      "{Deployment(name='Ingress', app='fa'): EndpointInfo(route='/fa', app_is_cross_language=False), " +
        "Deployment(name='Ingress', app='fa'): EndpointInfo(route='/fa', app_is_cross_language=False)}",
    )
  })

  it('is listed as a map from route prefix to application', () => {
    expect(listRoutes(table())).to.equal('{}')
    expect(listRoutes(table(two, one))).to.equal('{"/fa":"fa","/":"default"}')
  })

  it('is overtaken only by one with a higher version', () => {
    expect(isNewer(table(), undefined)).to.equal(true)
    expect(isNewer({ version: 2, routes: [] }, table())).to.equal(true)
    expect(isNewer(table(), table())).to.equal(false)
  })

  it('leads to the same endpoints whatever the order, the replicas and the limits', () => {
    expect(hasSameEndpoints(table(one, two), table({ ...two, failed: true, maxOngoingRequests: 1 }, one))).to.equal(
      true,
    )
    expect(hasSameEndpoints(table(one), table(one, two))).to.equal(false)
    expect(hasSameEndpoints(table(one), table({ ...one, prefix: '/x' }))).to.equal(false)
  })

  it('finds the route of a deployment', () => {
    expect(routeOf(table(one, two), classifier)).to.equal(one)
    expect(routeOf(table(two), classifier)).to.equal(undefined)
  })
})
