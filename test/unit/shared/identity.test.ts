import { expect } from 'chai'
import { identityOf, nodeIdOf } from '../../../shared/identity.ts'

const session = { directory: '/tmp/a' }

describe('the identity of a process', () => {
  it('has the form of those of the reference', () => {
    const identity = identityOf(session, { pid: 7, actorName: 'SERVE_CONTROLLER_ACTOR' })
    expect(Object.keys(identity)).to.deep.equal(['process', 'worker_id', 'node_id', 'actor_id', 'actor_name'])
    expect(identity['node_id'])
      .to.match(/^[0-9a-f]{56}$/)
      .and.equal(nodeIdOf(session))
    expect(identity['worker_id']).to.match(/^[0-9a-f]{56}$/)
    expect(identity['actor_id']).to.match(/^[0-9a-f]{32}$/)
  })

  it('is another one for another process, and another cluster', () => {
    const of = (pid: number, actorName: string, directory = '/tmp/a') => identityOf({ directory }, { pid, actorName })
    expect(of(1, 'a')['worker_id']).to.not.equal(of(2, 'a')['worker_id'])
    expect(of(1, 'a')['actor_id']).to.equal(of(2, 'a')['actor_id'])
    expect(of(1, 'a')['actor_id']).to.not.equal(of(1, 'b')['actor_id'])
    expect(of(1, 'a')['node_id']).to.not.equal(of(1, 'a', '/tmp/b')['node_id'])
  })
})
