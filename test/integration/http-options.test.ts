import { readFileSync } from 'node:fs'
import { get } from 'node:http'
import { text } from 'node:stream/consumers'
import { expect } from 'chai'
import { type Cluster, startCluster } from '../helpers/cluster.ts'
import { eventually } from '../helpers/eventually.ts'
import { getHttps, tlsFile } from '../helpers/tls.ts'

interface Answer {
  readonly status: number | undefined
  readonly body: string
}

/** On a connection of its own, so that any of the proxies may take it. */
function ask(url: string): Promise<Answer> {
  return new Promise((settle, fail) => {
    get(url, { agent: false }, (response) => {
      text(response).then((body) => settle({ status: response.statusCode, body }), fail)
    }).on('error', fail)
  })
}

const many = (url: string, count: number): Promise<Answer[]> =>
  Promise.all(Array.from({ length: count }, () => ask(url)))

describe('a cluster with HTTP options', () => {
  let cluster: Cluster | undefined

  afterEach(async () => {
    await cluster?.dispose()
    cluster = undefined
  })

  const proxies = ({ lines }: Cluster): number[] => [
    ...new Set(
      lines().flatMap((line) => /^\(ProxyActor pid=(\d+)\) .*Proxy starting/.exec(line)?.slice(1).map(Number) ?? []),
    ),
  ]

  it('serves HTTPS, and keeps the password of the key from user code and from every log', async () => {
    const password = 'secret'
    cluster = await startCluster('test/fixtures/hello.mjs:one', {
      args: [
        '--ssl-keyfile',
        'test/fixtures/tls/server-encrypted.key',
        '--ssl-certfile',
        'test/fixtures/tls/server.pem',
      ],
      env: { BATOID_SSL_KEYFILE_PASSWORD: password, BATOID_TRUSTED_PROXIES: '127.0.0.0/8' },
    })
    const { url, stdout, stderr, stop, log, pids } = cluster
    expect(url).to.match(/^https:/)
    const port = Number(new URL(url).port)
    const { body } = await getHttps(port, '/headers', { headers: { 'x-forwarded-for': '203.0.113.9' } })
    expect(JSON.parse(body)).to.include({
      'x-forwarded-proto': 'https',
      'x-forwarded-host': `localhost:${port}`,
      'x-forwarded-for': '203.0.113.9, 127.0.0.1',
    })
    expect(stdout()).to.match(
      new RegExp(
        ` -- Starting HTTPS server on 127\\.0\\.0\\.1:${port} with SSL certificate: ${tlsFile('server.pem')}\n`,
      ),
    )
    const told = pids().filter((pid) => readFileSync(`/proc/${pid}/environ`, 'latin1').includes(`PASSWORD=${password}`))
    expect(told.toSorted()).to.deep.equal([...proxies(cluster), cluster.child.pid].toSorted())
    expect(await stop()).to.deep.equal({ code: 0, signal: null })
    expect(stdout() + stderr() + log(/./)).to.not.include(password)
  })

  it('spreads requests over several proxies, and no replica gets more than it may', async () => {
    cluster = await startCluster('test/fixtures/counts-ongoing.mjs:app', { args: ['--proxies', '3'] })
    const { url, log, stop } = cluster
    expect(proxies(cluster)).to.have.length(3)
    const answers: Answer[] = []
    const writers = () =>
      [/^proxy_[\d.]+\.log$/, /^proxy_.*_2\.log$/, /^proxy_.*_3\.log$/].map((name) => / -- GET \/ 200 /.test(log(name)))
    await eventually(async () => {
      answers.push(...(await many(url, 60)))
      return writers().filter(Boolean).length >= 2
    })
    expect(answers.map(({ status }) => status).filter((status) => status !== 200)).to.deep.equal([])
    const reports = answers.map(({ body }) => JSON.parse(body) as { pid: number; most: number })
    expect(new Set(reports.map(({ pid }) => pid)).size).to.equal(2)
    expect(Math.max(...reports.map(({ most }) => most))).to.equal(2)
    expect(await stop()).to.deep.equal({ code: 0, signal: null })
  })

  it('goes on serving while one of several proxies is killed, and starts it again', async () => {
    cluster = await startCluster('test/fixtures/hello.mjs:app', { args: ['--proxies', '2'] })
    const { url, lines, stop, pids } = cluster
    const [first = 0] = proxies(cluster)
    process.kill(first, 'SIGKILL')
    await eventually(() => !pids().includes(first))
    const answers = await many(url, 50)
    expect(answers.map(({ status }) => status)).to.deep.equal(Array.from({ length: 50 }, () => 200))
    await eventually(() =>
      lines().some((line) => /The proxy(-2)? died: signal SIGKILL\. Starting it again\./.test(line)),
    )
    await eventually(() => cluster !== undefined && proxies(cluster).length === 3)
    const slow = many(`${url}/slow/500`, 8)
    await ask(url)
    const ended = stop()
    expect((await slow).map(({ body }) => body)).to.deep.equal(Array.from({ length: 8 }, () => 'slow'))
    expect(await ended).to.deep.equal({ code: 0, signal: null })
  })
})
