import { expect } from 'chai'
import { type Cluster, startCluster } from '../helpers/cluster.ts'
import { eventually } from '../helpers/eventually.ts'
import { dial, open, refused } from '../helpers/websocket.ts'

const MIB = 1024 * 1024
const FIXTURE = 'test/fixtures/websocket.mjs'

describe('a WebSocket of an application', () => {
  let cluster: Cluster
  before(async () => {
    cluster = await startCluster(`${FIXTURE}:app`)
  })
  after(async () => {
    const { code } = await cluster.stop()
    await cluster.dispose()
    expect(code).to.equal(0)
  })

  const replicaLog = () => cluster.log(/^replica_/)
  const proxyLog = () => cluster.log(/^proxy_/)
  const pidOf = async () => {
    const { socket, messages } = await open(`${cluster.url}/talk`)
    const pid = await eventually(() => messages[0])
    socket.close()
    return pid
  }

  it('echoes text, binary, a megabyte and pings, and is logged with pattern, close code and id', async () => {
    const client = await open(`${cluster.url}/echo/blue`, { headers: { 'x-request-id': 'echo-1' } })
    expect(client.answer.headers['x-request-id']).to.equal('echo-1')
    const large = Buffer.alloc(MIB, 'abc')
    client.socket.send('text')
    client.socket.send(Buffer.from([0, 255]))
    client.socket.send(large)
    client.socket.ping('there?')
    await eventually(() => client.messages.length === 3 && client.pongs.length === 1)
    expect(client.messages).to.deep.equal(['text', Buffer.from([0, 255]), large])
    client.socket.close(4000, 'enough')
    await eventually(() => client.isDone)
    expect(client.closed).to.deep.equal({ code: 4000, reason: 'enough' })
    await eventually(() => /echo-1 -- WS \/echo\/\{room\} 4000 \d+\.\dms/.test(replicaLog()))
    await eventually(() => /echo-1 -- WS \/ 4000 \d+\.\dms/.test(proxyLog()))
  })

  it('is made by the helper of any copy of @hono/node-server', async () => {
    for (const path of ['/node-server', '/common-js']) {
      const client = await open(cluster.url + path)
      client.socket.send(path)
      await eventually(() => client.messages[0] === path)
      client.socket.close()
    }
  })

  it('gets what is sent right behind the handshake', async () => {
    for (let n = 0; n < 20; n += 1) {
      const client = dial(`${cluster.url}/talk`)
      client.socket.once('upgrade', () => queueMicrotask(() => client.socket.send('4010 early')))
      await eventually(() => client.isDone)
      expect(client.closed).to.deep.equal({ code: 4010, reason: 'early' })
    }
  })

  it('is closed by the application with its code and reason', async () => {
    const client = await open(`${cluster.url}/talk`, { headers: { 'x-request-id': 'talk-1' } })
    client.socket.send('4321 so-long')
    await eventually(() => client.isDone)
    expect(client.closed).to.deep.equal({ code: 4321, reason: 'so-long' })
    await eventually(() => /talk-1 -- WS \/talk 4321 /.test(replicaLog()))
    await eventually(() => /talk-1 -- WS \/ 4321 /.test(proxyLog()))
  })

  it('has its handlers run in the name of the request', async () => {
    const client = await open(`${cluster.url}/talk`, { headers: { 'x-request-id': 'name-1' } })
    client.socket.send('reject')
    await eventually(() => /name-1 -- heard reject/.test(replicaLog()))
    client.socket.close(1000, 'bye')
    await eventually(() => /name-1 -- closed 1000 bye/.test(replicaLog()))
  })

  it('outlives a handler that rejects, which is reported', async () => {
    const client = await open(`${cluster.url}/talk`)
    client.socket.send('reject')
    await eventually(() => /Error: rejected/.test(replicaLog()))
    client.socket.send('4000 alive')
    await eventually(() => client.closed?.reason === 'alive')
  })

  it('that gets a message of more than 16 MiB is closed with 1009', async () => {
    const client = await open(`${cluster.url}/echo/big`)
    client.socket.send(Buffer.alloc(16 * MIB))
    await eventually(() => client.messages.length === 1)
    client.socket.send(Buffer.alloc(16 * MIB + 1))
    await eventually(() => client.isDone)
    expect(client.closed?.code).to.equal(1009)
    await eventually(() => /WS \/echo\/\{room\} 1009 /.test(replicaLog()))
  })

  it('has the headers of middleware on its 101, which may also say no', async () => {
    const client = await open(`${cluster.url}/header`)
    expect(client.answer.headers['x-own']).to.equal('mine')
    client.socket.close()
    expect(await refused(`${cluster.url}/objects`)).to.include({ status: 403, body: 'rather not' })
  })

  it('is refused with the whole answer of a route that is none', async () => {
    const cases: [string, number, string][] = [
      ['/plain', 426, '{"detail":"no WebSocket here"}'],
      ['/text', 200, 'x'.repeat(200_000)],
      ['/throws', 500, 'Internal Server Error'],
      ['/nothing', 404, '404 Not Found'],
    ]
    for (const [path, status, body] of cases) {
      expect(await refused(cluster.url + path), path).to.include({ status, body })
      await eventually(() => new RegExp(`WS ${path === '/nothing' ? '/' : path} ${status} `).test(replicaLog()))
    }
    expect((await fetch(`${cluster.url}/echo/blue`)).status).to.equal(404)
  })

  it('whose client leaves while the handler thinks is CANCELLED there and 499 in the proxy', async () => {
    const client = dial(`${cluster.url}/slow`, { headers: { 'x-request-id': 'slow-1' } })
    await eventually(() => /slow-1 -- waiting/.test(replicaLog()))
    client.socket.terminate()
    await eventually(() => / -- aborted/.test(replicaLog()))
    await eventually(() => /slow-1 -- WS \/slow CANCELLED /.test(replicaLog()))
    await eventually(() => /slow-1 -- WS \/ 499 /.test(proxyLog()))
  })

  it('is 1006 when its replica dies, and only there', async () => {
    const clients = await Promise.all(Array.from({ length: 8 }, () => open(`${cluster.url}/talk`)))
    await eventually(() => clients.every(({ messages }) => messages.length === 1))
    const [first] = clients
    const others = clients.filter(({ messages }) => messages[0] !== first?.messages[0])
    expect(others).to.have.lengthOf.within(1, 7)
    process.kill(Number(first?.messages[0]), 'SIGKILL')
    await eventually(() => clients.filter(({ isDone }) => isDone).length === clients.length - others.length)
    expect(first?.closed).to.deep.equal({ code: 1006, reason: '' })
    for (const { socket } of others) socket.send('4000 fine')
    await eventually(() => others.every(({ closed }) => closed?.reason === 'fine'))
  })

  it('lives on while its replica drains, is closed with 1012 at the end, and keeps nobody else waiting', async () => {
    const pids = new Set<unknown>()
    // The one that was killed may still have to be replaced.
    await eventually(async () => pids.add(await pidOf()).size >= 2)
    const client = await open(`${cluster.url}/talk`, { headers: { 'x-request-id': 'drain-1' } })
    const pid = Number(await eventually(() => client.messages[0]))
    const since = performance.now()
    process.kill(pid, 'SIGTERM')
    await eventually(async () => (await pidOf()) !== String(pid))
    expect(client.isDone).to.equal(false)
    await eventually(() => client.isDone)
    expect(client.closed).to.deep.equal({ code: 1012, reason: 'service restart' })
    // The fixture says two seconds.
    expect(performance.now() - since).to.be.within(1_000, 2_500)
    await eventually(() => /drain-1 -- WS \/talk 1012 /.test(replicaLog()))
    await eventually(() => /drain-1 -- closed 1012/.test(replicaLog()))
    await eventually(() => /drain-1 -- WS \/ 1012 /.test(proxyLog()))
  })
})

describe('the WebSockets of a deployment', () => {
  let cluster: Cluster
  before(async () => {
    cluster = await startCluster(`${FIXTURE}:one`)
  })
  after(async () => {
    await cluster.stop()
    await cluster.dispose()
  })

  it('count as ongoing requests: others wait, and are turned away when too many do', async () => {
    const [one, two] = [await open(`${cluster.url}/talk`), await open(`${cluster.url}/talk`)]
    const waiting = dial(`${cluster.url}/talk`)
    const answer = await eventually(async () => {
      const late = dial(`${cluster.url}/talk`)
      await eventually(() => late.isDone, { withinMs: 300 }).catch(() => late.socket.terminate())
      return late.answer.status !== undefined && late.answer
    })
    expect(answer.status).to.equal(503)
    expect(answer.body).to.equal('Request dropped due to backpressure (num_queued_requests=1, max_queued_requests=1).')
    expect(waiting.messages).to.deep.equal([])
    one?.socket.close()
    await eventually(() => waiting.messages.length === 1)
    for (const { socket } of [two, waiting]) socket.close()
    expect((await fetch(`${cluster.url}/plain`)).status).to.equal(426)
  })
})
