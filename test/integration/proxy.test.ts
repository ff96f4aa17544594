import { expect } from 'chai'
import { deploymentId } from '../../shared/ids.ts'
import { eventually } from '../helpers/eventually.ts'
import { type Bench, exchangeRaw, rawClient, startBench } from '../helpers/proxy.ts'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

describe('the proxy', () => {
  let bench: Bench
  beforeEach(async () => {
    bench = await startBench()
  })
  afterEach(() => bench.stop())

  const raw = (text: string): Promise<string> => exchangeRaw(bench.port, text)
  const echo = () =>
    bench.standIn((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk) => chunks.push(chunk))
      request.on('end', () => {
        const { method, url, rawHeaders } = request
        response.setHeader('content-type', 'application/json')
        response.end(JSON.stringify({ method, url, rawHeaders, body: Buffer.concat(chunks).toString() }))
      })
    })

  describe('answers by itself', () => {
    it('is healthy and lists no routes when there is no application, and is not ready before it knows that', async () => {
      expect((await bench.get('/-/healthz')).status).to.equal(503)
      expect(await (await bench.get('/x')).text()).to.equal('Route table is not populated yet.')
      bench.route()
      const health = await bench.get('/-/healthz', { method: 'DELETE' })
      expect([health.status, await health.text()]).to.deep.equal([200, 'success'])
      expect(health.headers.get('content-type')).to.equal('text/plain; charset=utf-8')
      expect(await (await bench.get('/-/routes')).text()).to.equal('{}')
      expect(bench.updates).to.deep.equal(['{}'])
    })

    it('lists routes as compact JSON and logs neither them nor health checks', async () => {
      bench.route({ prefix: '/b', application: 'b' }, { prefix: '/', application: 'a' })
      const routes = await bench.get('/-/routes')
      expect(await routes.text()).to.equal('{"/b":"b","/":"a"}')
      expect(routes.headers.get('content-type')).to.equal('application/json')
      expect(routes.headers.get('x-request-id')).to.match(UUID)
      expect((await bench.get('/-/healthz', { method: 'HEAD' })).headers.get('content-length')).to.equal('7')
      expect(bench.lines).to.deep.equal([])
    })

    it('says 404 for what matches no route, as a whole segment, without control characters', async () => {
      bench.route({ prefix: '/plain' })
      for (const path of ['/', '/plainx', '/-/healthz/']) {
        const answer = await bench.get(path)
        expect(answer.status).to.equal(404)
        expect(await answer.text()).to.equal(`Path '${path}' not found. Ping http://.../-/routes for available routes.`)
      }
      expect(await (await bench.get('/a%0Ab%1b[2J?x=1')).text()).to.contain(`Path '/a\\u{a}b\\u{1b}[2J' not found.`)
      expect(bench.lines[0]).to.include({ method: 'GET', route: '', status: 404 })
    })

    it('says 503 for a deployment that failed', async () => {
      bench.route({ failed: true, deployment: deploymentId({ application: 'bad', deployment: 'Bad' }) })
      const answer = await bench.get('/x')
      expect(answer.status).to.equal(503)
      expect(await answer.text()).to.equal(
        `Deployment(name='Bad', app='bad') is unavailable because it failed to deploy.`,
      )
    })

    it('refuses targets that are neither a path nor an http URL, CONNECT, and requests without a host', async () => {
      bench.serve(await echo())
      for (const target of ['*', 'ftp://x/y', 'http://', 'http://user@x/']) {
        const answer = await raw(`OPTIONS ${target} HTTP/1.1\r\nHost: a\r\n\r\n`)
        expect(answer, target).to.match(/^HTTP\/1.1 400 /)
      }
      expect(await raw('CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n')).to.match(/^HTTP\/1.1 400 /)
      expect(await raw('GET / HTTP/1.1\r\n\r\n')).to.match(/^HTTP\/1.1 400 [^]*connection: close[^]*x-request-id: /i)
    })
  })

  describe('forwards', () => {
    it('a request with its id, and echoes the id; an unsafe one is replaced', async () => {
      bench.serve(await echo())
      const ids = ['my-id-1', '', 'a b', 'x'.repeat(129), undefined]
      for (const id of ids) {
        const answer = await bench.get('/', id === undefined ? {} : { headers: { 'x-request-id': id } })
        const echoed = answer.headers.get('x-request-id')
        if (id === 'my-id-1') expect(echoed).to.equal(id)
        else expect(echoed).to.match(UUID)
        expect(((await answer.json()) as { rawHeaders: string[] }).rawHeaders).to.include(echoed)
      }
      expect(bench.lines.map(({ requestId }) => requestId)[0]).to.equal('my-id-1')
    })

    it('path and query byte for byte', async () => {
      const replica = await echo()
      bench.serve(replica)
      const paths = [
        '//a',
        '/a//b',
        '/a%2fb?x=1?y=2',
        '/%zz',
        '/a/../b',
        '/\\x',
        '/x?http://h//y',
        '/"<>',
        '/?',
        '/?//',
      ]
      for (const path of paths) await raw(`GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`)
      await raw('GET http://other//p?q HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
      await raw('POST //p HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx')
      expect(replica.requests).to.deep.equal([...paths.map((path) => `GET ${path}`), 'GET //p?q', 'POST //p'])
      expect(replica.counts.connections).to.equal(1)
    })

    it('headers without the hop-by-hop ones, both ways, and with ours in place of forged ones', async () => {
      const replica = await bench.standIn((request, response) => {
        response.writeHead(200, [
          ...['Connection', 'keep-alive, X-Secret', 'X-Secret', '1', 'Proxy-Authenticate', 'x'],
          ...['Set-Cookie', 'a=1', 'Set-Cookie', 'b=2', 'X-Request-Id', 'forged'],
        ])
        response.end(JSON.stringify(request.headers))
      })
      bench.route({ prefix: '/api', replicas: [replica.replica] })
      const answer = await raw(
        [
          'GET /api/x HTTP/1.1\r\nHost: example.org\r\nConnection: close, X-Secret, Host, X-Request-Id\r\nX-Secret: 1',
          'Keep-Alive: 5\r\nProxy-Authorization: zz\r\nTE: trailers\r\nUpgrade: h2c\r\nX-Forwarded-For: 8.8.8.8',
          'X-Forwarded-Proto: https\r\nX-Forwarded-Port: 1\r\nForwarded: for=8.8.8.8\r\nX-Request-Id: id-1\r\nX-Kept: 1\r\n\r\n',
        ].join('\r\n'),
      )
      const [head = '', body = ''] = answer.split('\r\n\r\n')
      expect(JSON.parse(body.split('\r\n')[1] ?? '')).to.deep.equal({
        host: 'example.org',
        'x-kept': '1',
        'x-batoid-prefix': '/api 4',
        'x-forwarded-for': '127.0.0.1',
        'x-forwarded-host': 'example.org',
        'x-forwarded-proto': 'http',
        'x-request-id': 'id-1',
      })
      const absolute = await raw('GET http://other:1/api HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
      expect(absolute).to.contain('"host":"other:1"').and.contain('"x-forwarded-host":"other:1"')
      expect(head).to.match(/^Set-Cookie: a=1\r\nSet-Cookie: b=2\r$/m)
      expect(head.match(/x-request-id: .*/gi)).to.deep.equal(['x-request-id: id-1'])
      expect(head).not.to.match(/secret|proxy-authenticate|keep-alive/i)
    })

    it('bodies of every method with their framing, and never lets one be read as a request', async () => {
      const replica = await echo()
      bench.serve(replica)
      const body = 'GET /SMUGGLED HTTP/1.1\r\nHost: a\r\n\r\n'
      const chunked = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`
      const close = 'Host: a\r\nConnection: close, Content-Length, Transfer-Encoding'
      for (const method of ['GET', 'DELETE', 'OPTIONS', 'POST', 'PATCH', 'TRACE', 'PROPFIND']) {
        const first = await raw(`${method} /c HTTP/1.1\r\n${close}\r\nTransfer-Encoding: chunked\r\n\r\n${chunked}`)
        const second = await raw(`${method} /l HTTP/1.1\r\n${close}\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
        expect(
          [first, second].every((answer) => answer.includes('SMUGGLED')),
          method,
        ).to.equal(true)
      }
      expect(replica.requests.filter((line) => line.includes('SMUGGLED'))).to.deep.equal([])
      expect(replica.requests).to.have.length(14)
      expect(await raw('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n')).to.match(/ 501 /)
      expect(await raw('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n')).to.match(/ (400|501) /)
    })

    it('over one kept connection, without the client noticing that there is another one behind', async () => {
      const replica = await echo()
      bench.serve(replica)
      for (let n = 0; n < 20; n += 1) await (await bench.get(`/${n}`, { method: 'POST', body: 'x' })).text()
      expect(replica.counts.connections).to.equal(1)
      expect(await raw('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')).to.match(/connection: close/i)
      expect(replica.counts.connections).to.equal(1)
    })

    it('HEAD, 204, 304 and answers to HTTP/1.0 clients as they must be', async () => {
      const replica = await bench.standIn((request, response) => {
        const status = Number(request.url?.slice(1))
        response.writeHead(status, status === 200 ? {} : { etag: '"1"' })
        if (status === 200) response.write('abc')
        response.end()
      })
      bench.serve(replica)
      const ask = (method: string, path: string, version: string) =>
        raw(`${method} ${path} HTTP/${version}\r\nHost: a\r\nConnection: close\r\n\r\n`)
      expect(await ask('HEAD', '/200', '1.1')).to.match(/^HTTP\/1.1 200 OK\r\n[^]*\r\n\r\n$/)
      expect(await ask('GET', '/204', '1.1')).to.match(/^HTTP\/1.1 204 [^]*\r\n\r\n$/)
      expect(await ask('GET', '/304', '1.1')).to.match(/^HTTP\/1.1 304 [^]*etag[^]*\r\n\r\n$/)
      const old = await ask('GET', '/200', '1.0')
      expect(old).to.match(/\r\n\r\nabc$/)
      expect(old).not.to.match(/transfer-encoding/i)
      expect(await raw('GET /200 HTTP/1.0\r\n\r\n')).to.match(/^HTTP\/1.1 200 OK[^]*abc$/)
    })

    it('Expect: 100-continue is met here, and other expectations are ignored', async () => {
      bench.serve(await echo())
      const head = 'POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 3\r\n'
      const answer = await raw(`${head}Expect: 100-continue\r\n\r\nabc`)
      expect(answer).to.match(/^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 200 OK/)
      expect(answer).not.to.match(/expect/i)
      expect(await raw(`${head}Expect: miracles\r\n\r\nabc`)).to.match(/^HTTP\/1.1 200 OK/)
    })

    it('trailers, but not to clients that cannot take them', async () => {
      const replica = await bench.standIn((_, response) => {
        response.writeHead(200, { Trailer: 'x-t', 'transfer-encoding': 'chunked' })
        response.write('a')
        response.addTrailers({ 'x-t': '1', 'x-request-id': 'forged' })
        response.end()
      })
      bench.serve(replica)
      const answer = await raw('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
      expect(answer).to.match(/^Trailer: x-t\r$/m)
      expect(answer).to.match(/0\r\nx-t: 1\r\n\r\n$/)
      expect(await raw('GET / HTTP/1.0\r\nHost: a\r\n\r\n')).to.match(/\r\n\r\na$/)
      expect(await raw('HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')).to.match(/^HTTP\/1.1 200/)
    })
  })

  describe('access lines', () => {
    it('are written once a request, with the route prefix and the status that the client saw', async () => {
      const replica = await bench.standIn((_, response) => response.writeHead(418).end())
      bench.route({ prefix: '/tea', replicas: [replica.replica] })
      await (await bench.get('/tea/pot', { method: 'PUT' })).text()
      await eventually(() => bench.lines.length === 1)
      const [line] = bench.lines
      expect(line).to.include({ method: 'PUT', route: '/tea', status: 418 })
      expect(line?.durationMs).to.be.within(0, 1000)
    })

    it('have status 499 when the client left first', async () => {
      const replica = await bench.standIn(() => {})
      bench.serve(replica)
      const client = rawClient(bench.port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n')
      await eventually(() => replica.requests.length === 1)
      client.socket.destroy()
      await eventually(() => bench.lines.length === 1)
      expect(bench.lines[0]).to.include({ status: 499, route: '/' })
    })
  })
})
