import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { ask } from '../helpers/ask.ts'
import { eventually } from '../helpers/eventually.ts'
import { rawClient, rawStandIn, type StandIn, startStandIn } from '../helpers/proxy.ts'
import { type ProxyProcess, startProxyProcess } from '../helpers/proxy-process.ts'

/** The defects of http-proxy 1.18.1 on Node 20 and the tests, in files of their subject, that fail if one comes back. */
const elsewhere: Record<string, Record<string, readonly string[]>> = {
  'chunked DELETE and OPTIONS smuggle a second request': { 'fault/requests': ['a chunked ${method}'] },
  "a client's leaving never reaches the replica": {
    'fault/aborts': ['has its AbortSignal fired when the client leaves while'],
  },
  'a replica that dies in its answer leaves the client hanging': {
    'fault/answers': ['closes after any byte of it, is shown as 502, then as cut, never as complete'],
  },
  'a bad URL throws': { 'fault/requests': ['in absolute form with half an address'] },
  'no connection is kept, not even the client’s': { 'integration/proxy': ['over one kept connection'] },
  'hop-by-hop headers pass': {
    'fault/requests': ['a header that Connection names', 'what is meant for the proxy'],
    'integration/proxy': ['headers without the hop-by-hop ones, both ways'],
  },
  'trailers are dropped': { 'integration/proxy': ['trailers, but not to clients that cannot take them'] },
  'paths are squashed and rewritten': { 'integration/proxy': ['path and query byte for byte'] },
}

const HANDSHAKE = [
  'GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\n\r\n',
].join('\r\n')

describe('the defect of http-proxy that', () => {
  let proxy: ProxyProcess
  let replica: StandIn | undefined
  beforeEach(async () => {
    proxy = await startProxyProcess()
  })
  afterEach(async () => {
    await proxy.stop()
    await replica?.stop()
  })

  for (const [defect, files] of Object.entries(elsewhere)) {
    it(`${defect} has its test`, () => {
      for (const [file, names] of Object.entries(files)) {
        const text = readFileSync(`test/${file}.test.ts`, 'utf8')
        for (const name of names) expect(text).to.include(name)
      }
    })
  }

  it('headers set too late for a request that had to wait for a connection end the process is not here', async () => {
    replica = await startStandIn(proxy.socketPath('replica'), (request, response) => {
      response.setHeader('x-seen', String(request.headers['x-request-id']))
      request.pipe(response)
    })
    await proxy.route({ maxOngoingRequests: 20, replicas: [replica.replica] })
    const bodies = Array.from({ length: 200 }, (_, n) => `body ${n}`)
    const post = async (body: string): Promise<string> => {
      const answer = await fetch(`http://127.0.0.1:${proxy.port}/`, { method: 'POST', body })
      expect(answer.headers.get('x-seen')).to.equal(answer.headers.get('x-request-id'))
      return answer.text()
    }
    expect(await Promise.all(bodies.map(post))).to.deep.equal(bodies)
    expect(proxy.death()).to.equal(undefined)
  })

  it('headers are not set on a request with an expectation is not here', async () => {
    replica = await startStandIn(proxy.socketPath('replica'), (request, response) =>
      response.end(`${String(request.headers['x-request-id'])} ${request.headers.expect}`),
    )
    await proxy.serve(replica)
    const headers = { expect: '100-continue', 'x-request-id': 'id-1', 'content-length': '3' }
    expect(await ask(proxy.port, { method: 'POST', headers, body: 'abc' })).to.equal('200 id-1 undefined')
  })

  it('a WebSocket client which resets before the answer ends the process, and leaves a connection, is not here', async () => {
    replica = await rawStandIn(proxy.socketPath('replica'), (socket) => socket.resume())
    await proxy.serve(replica)
    for (let n = 0; n < 50; n += 1) {
      const client = rawClient(proxy.port, HANDSHAKE)
      await eventually(() => client.text !== '' || replica?.counts.connections === n + 1)
      client.socket.resetAndDestroy()
    }
    const { server } = replica
    await eventually(async () => 0 === (await new Promise((resolve) => server.getConnections((_, n) => resolve(n)))))
    expect(await ask(proxy.port, { path: '/-/healthz' })).to.equal('200 success')
  })

  it('a refused WebSocket is answered in chunks that are none is not here', async () => {
    replica = await startStandIn(proxy.socketPath('replica'), (_, response) => {
      response.writeHead(403).write('for')
      response.end('bidden')
    })
    replica.server.on('upgrade', (_request, socket) =>
      socket.end('HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nfor\r\n6\r\nbidden\r\n0\r\n\r\n'),
    )
    await proxy.serve(replica)
    const headers = {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': 'x3JJHMbDL1EzLkh9GBhXDw==',
    }
    expect(await ask(proxy.port, { headers })).to.match(/^403 forbidden$|^501 /)
  })
})
