import { expect } from 'chai'
import { withRequest } from '../../../replica/context.ts'
import { api } from '../../../replica/docs.ts'

function example() {
  const app = api({ title: 'Demo', version: '1' })
  app.get('/', (c) => c.text('root'))
  app.post('/items', (c) => c.text('items'))
  app.get('/list/', (c) => c.text('list'))
  app.get('/:a/:b/', (c) => c.text('two'))
  app.get('/:rest{.+}/end/', (c) => c.text('end'))
  return app
}

/** Asks as a replica does whose application has this route prefix. */
async function ask(routePrefix: string, path: string, { query = '', method = 'GET', app = example() } = {}) {
  const below = path.slice(routePrefix === '/' ? 0 : routePrefix.length) || '/'
  const response = await withRequest({ requestId: 'id', routePrefix, path }, () =>
    Promise.resolve(app.fetch(new Request(`http://localhost${below}${query}`, { method }))),
  )
  return [response.status, response.headers.get('location')]
}

describe('api() redirects', () => {
  it('from the bare route prefix to the path with a slash, with the query', async () => {
    expect(await ask('/fa', '/fa')).to.eql([307, '/fa/'])
    expect(await ask('/fa', '/fa', { query: '?x=/1' })).to.eql([307, '/fa/?x=/1'])
    expect(await ask('/fa', '/fa/')).to.eql([200, null])
    expect(await ask('/', '/')).to.eql([200, null])
  })

  it('no bare prefix below which nothing is', async () => {
    expect(await ask('/fa', '/fa', { app: api({ title: 'Empty', version: '1' }) })).to.eql([404, null])
  })

  it('to the path with or without its last slash, whatever the method, if there is a route', async () => {
    expect(await ask('/fa', '/fa/items/', { method: 'POST', query: '?x=1' })).to.eql([307, '/fa/items?x=1'])
    expect(await ask('/fa', '/fa/items/')).to.eql([307, '/fa/items'])
    expect(await ask('/', '/list')).to.eql([307, '/list/'])
    expect(await ask('/', '/missing/')).to.eql([404, null])
  })

  it('to the path as it was written', async () => {
    expect(await ask('/', '/a%20b/%2f')).to.eql([307, '/a%20b/%2f/'])
  })

  it('never to another host', async () => {
    expect(await ask('/', '//evil.example/end/')).to.eql([200, null])
    expect(await ask('/', '//evil.example/end')).to.eql([404, null])
  })
})
