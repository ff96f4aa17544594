import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { type Cluster, restApp, type Scaled } from '../../../controller/rest-app.ts'

interface Said {
  readonly scaled?: Scaled
  readonly token?: string
  readonly launcherPid?: number
}

/** An API whose cluster notes what it is told. */
function scene({ scaled = 'scaled', token, launcherPid }: Said = {}) {
  const told: unknown[] = []
  const cluster: Cluster = {
    sessionName: 'session_x',
    details: async (source) => ({ source: source ?? 'all' }),
    declare: (config, raw) => void told.push({ declared: config.applications.map(({ name }) => name), raw }),
    deleteAll: async () => void told.push('deleted all'),
    end: () => launcherPid,
    delete: (application) => application === 'shop' && told.push(`deleted ${application}`) > 0,
    scale: (...order) => {
      told.push(order)
      return scaled
    },
  }
  const isToken = token === undefined ? undefined : (text: string) => text === token
  const problems: string[] = []
  const app = restApp({ cluster, isToken, problem: (text) => void problems.push(text) })
  const ask = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
    const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body)
    const init = {
      method,
      headers: { host: 'localhost:8265', ...headers },
      ...(text === undefined ? {} : { body: text }),
    }
    const response = await app.request(path, init)
    return [response.status, await response.text()] as const
  }
  return { ask, told, problems, cluster }
}

const APPLICATIONS = '/api/serve/applications/'

describe('the REST API', () => {
  it('tells of all applications, or of those deployed in one way', async () => {
    const { ask } = scene()
    expect(await ask('GET', APPLICATIONS)).to.deep.equal([200, '{"source":"all"}'])
    expect(await ask('GET', `${APPLICATIONS}?api_type=Declarative`)).to.deep.equal([200, '{"source":"declarative"}'])
    const text = "Invalid 'api_type' value: 'x'. Must be one of: imperative, declarative"
    expect(await ask('GET', `${APPLICATIONS}?api_type=x`)).to.deep.equal([400, text])
  })

  it('declares what it is sent, with its defaults and as it is', async () => {
    const { ask, told } = scene()
    const raw = { applications: [{ name: 'shop', import_path: 'main:app' }] }
    expect(await ask('PUT', APPLICATIONS, raw)).to.deep.equal([200, ''])
    expect(told).to.deep.equal([{ declared: ['shop'], raw }])
  })

  it('says of a configuration all that is wrong with it, and declares nothing', async () => {
    const { ask, told } = scene()
    const [status, text] = await ask('PUT', APPLICATIONS, { applications: [{ route_prefix: 'x' }], aplications: [] })
    expect(status).to.equal(400)
    expect(text.split('\n').toSorted()).to.have.lengthOf(3)
    expect(text)
      .to.contain('applications.0.import_path: Field required')
      .and.contain("did you mean 'applications'?")
      .and.match(/^applications\.0\.route_prefix: /m)
    expect((await ask('PUT', APPLICATIONS, 'applications: []'))[1]).to.match(/^The body is not JSON: /)
    expect((await ask('PUT', APPLICATIONS))[0]).to.equal(400)
    expect(told).to.deep.equal([])
  })

  it('takes no body that is larger than any configuration', async () => {
    const { ask, told } = scene()
    const body = JSON.stringify({ applications: [], x: 'x'.repeat(9 * 2 ** 20) })
    expect((await ask('PUT', APPLICATIONS, body))[0]).to.equal(413)
    expect(told).to.deep.equal([])
  })

  it('deletes all applications, or one', async () => {
    const { ask, told } = scene()
    expect(await ask('DELETE', APPLICATIONS)).to.deep.equal([200, ''])
    expect((await ask('DELETE', '/api/v1/applications/shop'))[0]).to.equal(200)
    expect(await ask('DELETE', '/api/v1/applications/none')).to.deep.equal([
      404,
      '{"error":"Application \\"none\\" does not exist."}',
    ])
    expect(told).to.deep.equal(['deleted all', 'deleted shop'])
  })

  it('scales a deployment, and says why it does not', async () => {
    const path = '/api/v1/applications/shop/deployments/Cart/scale'
    const { ask, told } = scene()
    const message = 'Scaling request received. Deployment will get scaled asynchronously.'
    expect(await ask('POST', path, { target_num_replicas: 0 })).to.deep.equal([200, JSON.stringify({ message })])
    expect(told).to.deep.equal([['shop', 'Cart', 0]])
    for (const body of [undefined, '{', {}, { target_num_replicas: -1 }, { target_num_replicas: 1.5 }]) {
      const [status, text] = await ask('POST', path, body)
      expect([status, text.slice(0, 30)]).to.deep.equal([400, '{"error":"Invalid request body'])
    }
    const refused = async (scaled: Scaled) => await scene({ scaled }).ask('POST', path, { target_num_replicas: 1 })
    expect(await refused('not found')).to.deep.equal([404, '{"error":"Application or Deployment not found"}'])
    expect(await refused('deleted')).to.deep.equal([412, '{"error":"Deployment is deleted"}'])
    expect((await refused('not external'))[1]).to.match(/external_scaler_enabled of application 'shop' is false/)
  })

  it('says its versions under both paths, and that it is there', async () => {
    const { ask } = scene()
    const [, version] = await ask('GET', '/api/version')
    expect(JSON.parse(version)).to.include({ version: '4', session_name: 'session_x' })
    expect(await ask('GET', '/api/ray/version')).to.deep.equal([200, version])
    expect(await ask('GET', '/api/healthz')).to.deep.equal([200, 'success'])
  })

  it('documents itself', async () => {
    const { ask } = scene()
    const document = JSON.parse((await ask('GET', '/openapi.json'))[1]) as { paths: Record<string, object> }
    const routes = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    )
    const page = readFileSync('docs/rest.md', 'utf8')
    const named = [...page.matchAll(/`((?:GET|PUT|POST|DELETE) \/[^`]*)`/g)].map((match) => match[1])
    expect(routes).to.have.members(named).and.include(`PUT ${APPLICATIONS}`)
    expect((await ask('GET', '/docs'))[1]).to.contain('SwaggerUIBundle')
    expect((await ask('GET', '/docs/assets/swagger-ui.css'))[0]).to.equal(200)
    expect((await ask('GET', '/docs/assets/..%2F..%2Fpackage.json'))[0]).to.equal(404)
    expect((await ask('GET', '/nothing'))[0]).to.equal(404)
  })

  it('is closed to strangers, but for what is no secret', async () => {
    const { ask, told } = scene({ token: 'open-sesame' })
    const body = { applications: [] }
    expect((await ask('PUT', APPLICATIONS, body))[0]).to.equal(401)
    expect((await ask('GET', APPLICATIONS))[0]).to.equal(401)
    expect((await ask('GET', '/docs/../api/serve/applications/'))[0]).to.equal(401)
    expect((await ask('GET', '/docs'))[0]).to.equal(200)
    expect(told).to.deep.equal([])
    expect((await ask('PUT', APPLICATIONS, body, { authorization: 'Bearer open-sesame' }))[0]).to.equal(200)
    const { ask: other, told: none } = scene()
    expect((await other('DELETE', APPLICATIONS, undefined, { host: 'evil.example' }))[0]).to.equal(403)
    expect((await other('DELETE', APPLICATIONS, undefined, { origin: 'https://evil.example' }))[0]).to.equal(403)
    expect(none).to.deep.equal([])
  })

  it('has the launcher end the cluster, and says who that is, or that there is none', async () => {
    expect(await scene({ launcherPid: 7 }).ask('POST', '/api/v1/shutdown')).to.deep.equal([
      200,
      '{"message":"The cluster is ending.","launcher_pid":7}',
    ])
    const [status, text] = await scene().ask('POST', '/api/v1/shutdown')
    expect([status, JSON.parse(text)]).to.deep.equal([
      409,
      {
        error: 'No launcher of batoid runs this cluster: end its controller and its proxies where they were started.',
      },
    ])
  })

  it('says what went wrong, without a stack', async () => {
    const { ask, cluster, problems } = scene()
    cluster.deleteAll = () => Promise.reject(new Error('the disk is full'))
    expect(await ask('DELETE', APPLICATIONS)).to.deep.equal([500, '{"error":"the disk is full"}'])
    expect(problems).to.deep.equal(['DELETE /api/serve/applications/ failed: the disk is full'])
  })
})
