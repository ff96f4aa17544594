import { expect } from 'chai'
import type { Caller } from '../../../proxy/pool.ts'
import { Routing } from '../../../proxy/routing.ts'
import type { Route, RunningReplica } from '../../../shared/protocol.ts'
import { answered, leaseOf, manualClock, some } from '../../helpers/pool.ts'
import { routeTo } from '../../helpers/route.ts'

function world() {
  const left: RunningReplica[] = []
  const routing = new Routing({
    clock: manualClock(),
    random: () => 0,
    proxy: { index: 0, count: 1 },
    left: (replica) => left.push(replica),
  })
  let version = 0
  const accept = (...routes: Partial<Route>[]): string | undefined => {
    version += 1
    return routing.accept({ version, routes: routes.map(routeTo) })
  }
  const acquire = (path: string) => {
    const caller: Caller = { gone: false, onGone: undefined }
    const admission = routing.find(path)?.pool.acquire(caller)
    return { ...caller, admission: admission instanceof Promise ? undefined : admission }
  }
  return { routing, left, accept, acquire }
}

describe('routing', () => {
  it('leads to the pool of the deployment with the longest prefix', () => {
    const { routing, accept } = world()
    expect(routing.find('/')).to.equal(undefined)
    accept({ prefix: '/', application: 'a' }, { prefix: '/b', application: 'b' })
    const [a, b] = [routing.find('/x'), routing.find('/b/x')]
    expect([a?.route.application, b?.route.application]).to.deep.equal(['a', 'b'])
    accept({ prefix: '/c', application: 'b' })
    expect(routing.find('/c')?.pool).to.equal(b?.pool)
    expect(routing.find('/x')).to.equal(undefined)
  })

  it('shows the first table, and every one that leads elsewhere', () => {
    const { accept, routing } = world()
    expect(accept()).to.equal('{}')
    expect(accept({})).to.match(/^\{Deployment/)
    expect(accept({ replicas: some(2) })).to.equal(undefined)
    expect(accept({ prefix: '/x' })).to.match(/route='\/x'/)
    expect(routing.accept({ version: 1, routes: [] })).to.equal(undefined)
    expect(routing.table?.version).to.equal(4)
  })

  it('remembers how busy the replicas of a deployment are that goes and comes back', () => {
    const { accept, acquire, left, routing } = world()
    const route = { maxOngoingRequests: 1, replicas: some(1) }
    accept(route)
    const first = acquire('/')
    accept()
    accept(route)
    expect([acquire('/').admission, routing.leased, routing.queued]).to.deep.equal([undefined, 1, 1])
    leaseOf(first).release(answered)
    expect([left.length, routing.leased, routing.queued]).to.deep.equal([0, 1, 0])
  })

  it('lets nobody wait once it is cleared', () => {
    const { accept, acquire, routing, left } = world()
    accept({ replicas: some(1) })
    leaseOf(acquire('/')).release(answered)
    routing.clear()
    expect([left, routing.find('/')]).to.deep.equal([some(1), undefined])
  })
})
