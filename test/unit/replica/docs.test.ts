import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import { expect } from 'chai'
import { HTTPException } from 'hono/http-exception'
import { api } from '../../../replica/docs.ts'

const json = <Schema extends z.ZodType>(schema: Schema) => ({ 'application/json': { schema } })
const ok = <Schema extends z.ZodType>(schema: Schema) => ({ 200: { description: 'ok', content: json(schema) } })

const predict = createRoute({
  method: 'post',
  path: '/model/predict',
  request: { query: z.object({ input: z.string() }) },
  responses: ok(z.int()),
})
const item = createRoute({
  method: 'get',
  path: '/items/{id}',
  request: { params: z.object({ id: z.coerce.number().int().max(99) }) },
  responses: ok(z.int()),
})
const search = createRoute({
  method: 'get',
  path: '/search',
  request: {
    query: z.object({
      limit: z.coerce.number().int().default(10),
      text: z.string().optional(),
      tags: z.array(z.string()).optional(),
      either: z.union([z.string(), z.array(z.string())]).optional(),
    }),
  },
  responses: ok(z.unknown()),
})
const detect = createRoute({
  method: 'post',
  path: '/detect',
  request: { body: { required: true, content: json(z.object({ text: z.string(), n: z.int().optional() })) } },
  responses: ok(z.string()),
})

function example() {
  const app = api({ title: 'Demo', summary: 'A demo', version: '0.0.1' })
  app.openapi(predict, (c) => c.json(c.req.valid('query').input.length))
  app.openapi(item, (c) => c.json(c.req.valid('param').id))
  app.openapi(search, (c) => c.json(c.req.valid('query')))
  app.openapi(detect, (c) => c.json(c.req.valid('json').text))
  return app
}

interface Answer {
  readonly status: number
  readonly body: unknown
}

async function ask(app: Pick<OpenAPIHono, 'request'>, path: string, init: RequestInit = {}): Promise<Answer> {
  const response = await app.request(path, init)
  return { status: response.status, body: await response.json() }
}

const post = (body: string) => ({ method: 'POST', body, headers: { 'content-type': 'application/json' } })

describe('an application made by api()', () => {
  it('says which parameter is missing', async () => {
    expect(await ask(example(), '/model/predict', { method: 'POST' })).to.deep.equal({
      status: 422,
      body: { detail: [{ type: 'missing', loc: ['query', 'input'], msg: 'Field required', input: null }] },
    })
  })

  it('knows an integer in the path from a number', async () => {
    const msg = 'Input should be a valid integer, unable to parse string as an integer'
    expect(await ask(example(), '/items/x')).to.deep.equal({
      status: 422,
      body: { detail: [{ type: 'int_parsing', loc: ['path', 'id'], msg, input: 'x' }] },
    })
  })

  it('takes the last of several values, and a list where the schema has one', async () => {
    const app = example()
    const { body } = await ask(app, '/search?limit=1&limit=2&text=a&text=b&tags=x&either=p&either=q')
    expect(body).to.deep.equal({ limit: 2, text: 'b', tags: ['x'], either: ['p', 'q'] })
    const several = await ask(app, '/search?tags=x&tags=y')
    expect(several.body).to.deep.equal({ limit: 10, tags: ['x', 'y'] })
    const wrong = await ask(app, '/search?limit=1&limit=x')
    expect(wrong.body).to.have.nested.property('detail[0].input', 'x')
  })

  it('says where a JSON body is wrong', async () => {
    const { status, body } = await ask(example(), '/detect', post('{"n":1.5}'))
    expect(status).to.equal(422)
    expect(body).to.deep.equal({
      detail: [
        { type: 'missing', loc: ['body', 'text'], msg: 'Field required', input: { n: 1.5 } },
        {
          type: 'int_from_float',
          loc: ['body', 'n'],
          msg: 'Input should be a valid integer, got a number with a fractional part',
          input: 1.5,
        },
      ],
    })
  })

  it('says that a body is missing, or is not JSON', async () => {
    const missing = { type: 'missing', loc: ['body'], msg: 'Field required', input: null }
    expect(await ask(example(), '/detect', { method: 'POST' })).to.deep.equal({
      status: 422,
      body: { detail: [missing] },
    })
    expect(await ask(example(), '/detect', post(''))).to.deep.equal({ status: 422, body: { detail: [missing] } })
    const { status, body } = await ask(example(), '/detect', post('{"text":'))
    expect(status).to.equal(422)
    expect(body).to.have.nested.property('detail[0].type', 'json_invalid')
    expect(body).to.have.nested.property('detail[0].loc[1]', 8)
  })

  it('leaves a check of the user alone', async () => {
    const app = example()
    const answers = { ...predict.responses, 418: { description: 'mine', content: json(z.string()) } }
    const hooked = createRoute({ ...predict, path: '/hooked', responses: answers })
    app.openapi(
      hooked,
      (c) => c.json(1, 200),
      (result, c) => (result.success ? undefined : c.json('mine', 418)),
    )
    expect(await ask(app, '/hooked', { method: 'POST' })).to.deep.equal({ status: 418, body: 'mine' })
  })

  it('answers 404 and 405 like FastAPI', async () => {
    const app = example()
    app.get('/none', (c) => c.notFound())
    expect(await ask(app, '/nope')).to.deep.equal({ status: 404, body: { detail: 'Not Found' } })
    expect(await ask(app, '/none')).to.deep.equal({ status: 404, body: { detail: 'Not Found' } })
    const wrong = await app.request('/model/predict')
    expect(wrong.headers.get('allow')).to.equal('POST')
    expect({ status: wrong.status, body: await wrong.json() }).to.deep.equal({
      status: 405,
      body: { detail: 'Method Not Allowed' },
    })
    const head = await app.request('/model/predict', { method: 'HEAD' })
    expect([head.status, head.headers.get('allow'), await head.text()]).to.deep.equal([405, 'POST', ''])
    const put = await app.request('/items/5', { method: 'PUT' })
    expect([put.status, put.headers.get('allow')]).to.deep.equal([405, 'GET, HEAD'])
  })

  it('answers HEAD where there is a GET', async () => {
    const response = await example().request('/items/5', { method: 'HEAD' })
    expect([response.status, await response.text()]).to.deep.equal([200, ''])
  })

  it('turns an HTTPException into its detail', async () => {
    const app = example()
    app.get('/forbidden', () => {
      throw new HTTPException(403, { message: 'not you' })
    })
    app.get('/teapot', () => {
      throw new HTTPException(418)
    })
    app.get('/login', () => {
      throw new HTTPException(401, {
        res: new Response('who?', { status: 401, headers: { 'www-authenticate': 'Basic' } }),
      })
    })
    expect(await ask(app, '/forbidden')).to.deep.equal({ status: 403, body: { detail: 'not you' } })
    expect(await ask(app, '/teapot')).to.deep.equal({ status: 418, body: { detail: "I'm a Teapot" } })
    const login = await app.request('/login')
    expect([login.status, login.headers.get('www-authenticate'), await login.text()]).to.deep.equal([
      401,
      'Basic',
      'who?',
    ])
  })

  it('lets the user replace what it answers', async () => {
    const app = example()
    app.notFound((c) => c.json('mine', 404))
    app.onError((_, c) => c.json('mine too', 500))
    app.get('/boom', () => {
      throw new Error('boom')
    })
    expect((await ask(app, '/nope')).body).to.equal('mine')
    expect((await ask(app, '/boom')).body).to.equal('mine too')
  })
})

describe('an error thrown in an application made by api()', () => {
  const { error: print } = console
  let printed: unknown[] = []

  beforeEach(() => {
    printed = []
    console.error = (...values: unknown[]) => printed.push(...values)
  })

  afterEach(() => {
    console.error = print
  })

  it('is printed, and the client learns nothing of it', async () => {
    const app = example()
    const thrown = new Error('the password is 1234')
    app.get('/boom', () => {
      throw thrown
    })
    const response = await app.request('/boom')
    expect([response.status, await response.text()]).to.deep.equal([500, 'Internal Server Error'])
    expect(response.headers.get('content-type')).to.match(/^text\/plain/)
    expect(printed).to.deep.equal([thrown])
  })
})

describe('/openapi.json', () => {
  it('is OpenAPI 3.1 with the routes of the user alone', async () => {
    const { status, body } = await ask(example(), '/openapi.json')
    expect(status).to.equal(200)
    expect(body).to.deep.include({ openapi: '3.1.0', info: { title: 'Demo', summary: 'A demo', version: '0.0.1' } })
    expect(body).to.have.property('paths').that.has.all.keys('/model/predict', '/items/{id}', '/search', '/detect')
    expect(body).not.to.have.property('servers')
  })

  it('has the schemas of parameters and responses, and the answer to invalid input', async () => {
    const { body } = await ask(example(), '/openapi.json')
    expect(body)
      .to.have.nested.property('paths./model/predict.post')
      .that.deep.equals({
        parameters: [{ name: 'input', in: 'query', required: true, schema: { type: 'string' } }],
        responses: {
          200: { description: 'ok', content: { 'application/json': { schema: { type: 'integer' } } } },
          422: {
            description: 'Validation Error',
            content: { 'application/json': { schema: { $ref: '#/components/schemas/HTTPValidationError' } } },
          },
        },
      })
    expect(body)
      .to.have.nested.property('components.schemas')
      .that.has.all.keys('HTTPValidationError', 'ValidationError')
  })

  it('says of a coerced parameter that it is required and never null', async () => {
    const { body } = await ask(example(), '/openapi.json')
    expect(body)
      .to.have.nested.property('paths./items/{id}.get.parameters')
      .that.deep.equals([{ name: 'id', in: 'path', required: true, schema: { type: 'integer', maximum: 99 } }])
    expect(body)
      .to.have.nested.property('paths./search.get.parameters[0]')
      .that.deep.equals({
        name: 'limit',
        in: 'query',
        required: false,
        schema: { type: 'integer', default: 10 },
      })
  })

  it('leaves out what is hidden, and keeps a 422 of the user', async () => {
    const app = example()
    app.openapi(createRoute({ ...predict, path: '/hidden', hide: true }), (c) => c.json(1))
    const own = { ...predict.responses, 422: { description: 'mine' } }
    app.openapi(createRoute({ ...predict, path: '/own', responses: own }), (c) => c.json(1, 200))
    const { body } = await ask(app, '/openapi.json')
    expect(body).not.to.have.nested.property('paths./hidden')
    expect(body).to.have.nested.property('paths./own.post.responses.422').that.deep.equals({ description: 'mine' })
    expect(await ask(app, '/hidden', { method: 'POST' })).to.have.property('status', 422)
  })

  it('names the server when the replica took a route prefix off the path', async () => {
    const headers = { 'x-forwarded-prefix': '/demo' }
    const { body } = await ask(example(), '/openapi.json', { headers })
    expect(body)
      .to.have.property('servers')
      .that.deep.equals([{ url: '/demo' }])
  })

  it('is right for an application inside another one, and part of the outer one', async () => {
    const outer = new OpenAPIHono().route('/v1', example())
    const { body } = await ask(outer, '/v1/openapi.json', { headers: { 'x-forwarded-prefix': '/demo' } })
    expect(body)
      .to.have.property('servers')
      .that.deep.equals([{ url: '/demo/v1' }])
    const document = outer.getOpenAPI31Document({ openapi: '3.1.0', info: { title: 'outer', version: '1' } })
    expect(document.paths).to.have.property('/v1/model/predict')
  })
})

describe('/docs', () => {
  it('has the title, and no title can break out of it', async () => {
    const demo = await (await example().request('/docs')).text()
    expect(demo).to.contain('<title>Demo - Swagger UI</title>')
    const page = await (await api({ title: '</title><script>', version: '1' }).request('/docs')).text()
    expect(page).to.contain('<title>&#60;/title&#62;&#60;script&#62; - Swagger UI</title>')
  })

  it('loads only what is there, by relative addresses', async () => {
    const app = example()
    const page = await (await app.request('/docs')).text()
    const addresses = [...page.matchAll(/(?:src|href)="([^"]*)"|url: '([^']*)'/g)].map(([, a, b]) => a ?? b ?? '')
    expect(addresses).to.have.lengthOf(4)
    for (const address of addresses) {
      expect(address).not.to.match(/^\/|:/)
      const response = await app.request(`/${address}`)
      expect(response.status, address).to.equal(200)
      expect((await response.arrayBuffer()).byteLength, address).to.be.greaterThan(100)
    }
  })

  it('does not let the page ask a validator on the internet', async () => {
    expect(await (await example().request('/docs')).text()).to.contain('validatorUrl: null')
  })

  it('gives out the files of the page and no others', async () => {
    const app = example()
    const script = await app.request('/docs/assets/swagger-ui-bundle.js')
    expect(script.headers.get('content-type')).to.equal('text/javascript; charset=utf-8')
    const others = [
      'package.json',
      'LICENSE',
      '..%2fpackage.json',
      '%2e%2e%2fdocs.js',
      '..%5cdocs.js',
      'constructor',
      '',
    ]
    for (const name of others) {
      const response = await app.request(`/docs/assets/${name}`)
      expect(response.status, name).to.equal(404)
    }
  })
})
