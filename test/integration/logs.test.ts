import { statSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { type Cluster, startCluster } from '../helpers/cluster.ts'
import { eventually } from '../helpers/eventually.ts'

const TIME = String.raw`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}`

describe('the logs of a cluster', () => {
  let cluster: Cluster

  before(async () => {
    cluster = await startCluster('test/fixtures/hello.mjs:app')
  })

  after(() => cluster.dispose())

  const get = (path: string, id: string) => fetch(cluster.url + path, { headers: { 'x-request-id': id } })
  const shown = (expression: RegExp) => eventually(() => cluster.lines().find((line) => expression.test(line)))
  const filed = (name: RegExp, expression: RegExp) =>
    eventually(() =>
      cluster
        .log(name)
        .split('\n')
        .find((line) => expression.test(line)),
    )

  it('have one access line a request in the replica, with its id and the route pattern', async () => {
    await get('/items/7?secret=1', 'id-items')
    const line = await shown(/ id-items -- /)
    expect(line).to.match(
      new RegExp(
        String.raw`^\(ServeReplica:default:Hello pid=\d+\) INFO ${TIME} default_Hello [a-z0-9]{8} id-items -- GET /items/\{id\} 200 \d+\.\dms$`,
      ),
    )
    expect(await filed(/^replica_default_Hello_[a-z0-9]{8}\.log$/, / id-items -- /)).to.equal(
      line.replace(/^\(.*?\) /, ''),
    )
    expect(cluster.lines().filter((other) => other.includes('id-items'))).to.have.length(1)
  })

  it("keep the proxy's access line in its file", async () => {
    await get('/', 'id-proxy')
    const expected = new RegExp(String.raw`^INFO ${TIME} proxy \d+\.\d+\.\d+\.\d+ id-proxy -- GET / 200 \d+\.\dms$`)
    await filed(/^proxy_\d+\.\d+\.\d+\.\d+\.log$/, expected)
    await shown(/ id-proxy -- GET \/ 200 /)
    expect(cluster.lines().some((line) => line.startsWith('(ProxyActor') && line.includes('id-proxy'))).to.equal(false)
  })

  it('show a print bare behind the prefix, in order, and file each of its lines under the request id', async () => {
    await get('/print', 'id-print')
    await shown(/ id-print -- GET \/print 200 /)
    const lines = cluster.lines()
    const at = lines.findIndex((line) => line.endsWith(' first line'))
    const bare = lines.slice(at, at + 4).map((line) => line.replace(/^\(ServeReplica:default:Hello pid=\d+\) /, ''))
    expect(bare).to.deep.equal(['first line', 'second line', 'to stderr', String.raw`evil \x1b[31m red`])
    for (const text of ['first line', 'second line', 'to stderr', String.raw`evil \\x1b\[31m red`])
      await filed(
        /^replica_default_Hello_/,
        new RegExp(`^(INFO|WARNING) ${TIME} default_Hello [a-z0-9]{8} id-print -- ${text}$`),
      )
  })

  it("show the user's stack, each line behind the prefix, when a handler throws, and the client nothing of it", async () => {
    const response = await get('/boom', 'id-boom')
    expect([response.status, await response.text()]).to.deep.equal([500, 'Internal Server Error'])
    await shown(/ id-boom -- GET \/boom 500 /)
    const stack = cluster.lines().find((line) => /hello\.mjs:\d+:\d+\)?$/.test(line))
    expect(stack).to.match(/^\(ServeReplica:default:Hello pid=\d+\) +at /)
    await filed(/^replica_default_Hello_/, / id-boom -- Error: boom$/)
    await filed(/^replica_default_Hello_/, / id-boom -- +at .*hello\.mjs:/)
  })

  it('never hold a control character that a request has brought', async () => {
    await fetch(`${cluster.url}/%1b%5b31m%0aINFO forged`)
    const response = await fetch(cluster.url, { headers: { 'x-request-id': 'a\tb' } })
    const id = response.headers.get('x-request-id') ?? ''
    expect(id).to.match(/^[0-9a-f-]{36}$/)
    await filed(/^replica_default_Hello_/, new RegExp(id))
    const everything = cluster.log(/./) + cluster.lines().join('\n')
    expect(everything)
      .to.not.match(/[\u0000-\u0008\u000b-\u001f\u007f]/)
      .and.not.match(/^INFO forged/m)
  })

  it('lose nothing of what is printed right before the process ends', async () => {
    await get('/exit/7', 'id-exit')
    await filed(/^replica_default_Hello_/, / id-exit -- last words$/)
    await shown(/ last words$/)
    await shown(/WARNING .* died: its process ended with exit code 7 after \d+\.\d s.*\.$/)
  })

  it('lie in a session directory that nobody else can enter', () => {
    expect(statSync(cluster.session).mode & 0o777).to.equal(0o700)
    expect(statSync(join(cluster.session, 'logs/serve')).isDirectory()).to.equal(true)
    expect(cluster.log(/^controller_\d+\.log$/)).to.match(/ -- Controller starting \(version='/)
  })

  it('are coloured when asked for, and only then', async () => {
    const coloured = await startCluster('test/fixtures/plain.mjs:app', { env: { FORCE_COLOR: '1' } })
    try {
      expect(coloured.stdout()).to.match(/^\u001b\[36m\(ProxyActor pid=\d+\)\u001b\[0m INFO /m)
      expect(cluster.stdout()).to.not.match(/\u001b/)
      await coloured.stop()
    } finally {
      await coloured.dispose()
    }
  })
})
