import { expect } from 'chai'
import { Hono, type MiddlewareHandler } from 'hono'
import { LinearRouter } from 'hono/router/linear-router'
import { allowedMethods, routePattern } from '../../../replica/route-pattern.ts'

const answer = () => new Response('ok')
const pass: MiddlewareHandler = async (_, next) => next()

describe('the pattern of a route', () => {
  it('names parameters as FastAPI does', () => {
    const app = new Hono()
    app.get('/', answer)
    app.get('/items/:id', answer)
    app.get('/numbers/:id{[0-9]{1,3}}/parts/:part', answer)
    app.get('/files/:path{.+}', answer)
    app.get('/maybe/:id?', answer)
    app.get('/static/*', answer)
    expect(routePattern(app, 'GET', '/')).to.equal('/')
    expect(routePattern(app, 'GET', '/items/7')).to.equal('/items/{id}')
    expect(routePattern(app, 'GET', '/numbers/123/parts/a')).to.equal('/numbers/{id}/parts/{part}')
    expect(routePattern(app, 'GET', '/files/a/b')).to.equal('/files/{path}')
    expect(routePattern(app, 'GET', '/maybe')).to.equal('/maybe/{id}')
    expect(routePattern(app, 'GET', '/static/a/b')).to.equal('/static/*')
  })

  it('is never that of a middleware', () => {
    const app = new Hono()
    app.use(pass)
    app.use('/admin/*', pass)
    app.use('/:tenant/items', pass)
    app.get('*', pass)
    app.get('/acme/items', answer)
    expect(routePattern(app, 'GET', '/acme/items')).to.equal('/acme/items')
    expect(routePattern(app, 'GET', '/other/items')).to.equal(undefined)
    expect(routePattern(app, 'GET', '/admin/x')).to.equal(undefined)
    expect(routePattern(app, 'GET', '/nope')).to.equal(undefined)
  })

  it('is that of the route which answers when several match', () => {
    const app = new Hono()
    app.get('/items/special', answer)
    app.get('/items/:id', answer)
    app.all('/any', answer)
    app.get('/:rest', answer)
    expect(routePattern(app, 'GET', '/items/special')).to.equal('/items/special')
    expect(routePattern(app, 'GET', '/any')).to.equal('/any')
    expect(routePattern(app, 'PURGE', '/any')).to.equal('/any')
  })

  it('belongs to a method, and HEAD is answered by GET', () => {
    const app = new Hono().get('/a', answer).post('/b', answer)
    expect(routePattern(app, 'HEAD', '/a')).to.equal('/a')
    expect(routePattern(app, 'POST', '/a')).to.equal(undefined)
    expect(routePattern(app, 'HEAD', '/b')).to.equal(undefined)
  })

  it('is whole for applications inside applications, with error handlers of their own too', () => {
    const inner = new Hono().onError(() => new Response('inner', { status: 500 }))
    inner.use('/:any', pass)
    inner.all('/all', answer)
    inner.get('/x/:y', answer)
    const app = new Hono().route('/v1', new Hono().route('/deep', inner))
    expect(routePattern(app, 'GET', '/v1/deep/x/1')).to.equal('/v1/deep/x/{y}')
    expect(routePattern(app, 'GET', '/v1/deep/all')).to.equal('/v1/deep/all')
    expect(routePattern(app, 'GET', '/v1/deep/other')).to.equal(undefined)
  })

  it('reads the path as the application does', () => {
    const lenient = new Hono({ strict: false }).get('/a/ö', answer)
    expect(routePattern(lenient, 'GET', '/a/%C3%B6/')).to.equal('/a/ö')
    const strict = new Hono().get('/a', answer)
    expect(routePattern(strict, 'GET', '/a/')).to.equal(undefined)
  })

  it('is found with other routers', () => {
    const app = new Hono({ router: new LinearRouter() }).get('/items/:id', answer)
    expect(routePattern(app, 'GET', '/items/7')).to.equal('/items/{id}')
  })

  it('is undefined for what is not a Hono application', () => {
    const others = [undefined, null, 5, 'app', answer, {}, { fetch: answer }, { router: null, routes: [] }]
    for (const other of others) expect(routePattern(other, 'GET', '/')).to.equal(undefined)
  })

  it('is undefined when the application cannot be asked', () => {
    const byHost = new Hono({ getPath: (request) => `/${request.headers.get('host')}` }).get('/:host', answer)
    const broken = {
      routes: [],
      router: {
        match: () => {
          throw new Error('broken')
        },
      },
    }
    expect(routePattern(byHost, 'GET', '/')).to.equal(undefined)
    expect(routePattern(broken, 'GET', '/')).to.equal(undefined)
  })
})

describe('the methods that a path allows', () => {
  it('are those of its routes, without middleware and with HEAD where GET is', () => {
    const app = new Hono()
    app.use(pass)
    app.get('/a', answer)
    app.put('/:any', answer)
    app.post('/b', answer)
    app.on('PURGE', '/b', answer)
    expect(allowedMethods(app, '/a')).to.have.members(['GET', 'HEAD', 'PUT'])
    expect(allowedMethods(app, '/b')).to.have.members(['PUT', 'POST', 'PURGE'])
    expect(allowedMethods(app, '/a/b')).to.deep.equal([])
  })
})
