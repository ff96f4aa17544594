import { expect } from 'chai'
import { ask } from '../helpers/ask.ts'
import { type Cluster, startCluster } from '../helpers/cluster.ts'
import { eventually } from '../helpers/eventually.ts'
import { type RawClient, rawClient } from '../helpers/proxy.ts'

const TIMES = 200
/** Of the fixture, `maxOngoingRequests`. */
const MOST = 300
const HOST = 'Host: a\r\n'
const get = (path: string): string => `GET ${path} HTTP/1.1\r\n${HOST}\r\n`
const post = (path: string, lengthBytes: number): string =>
  `POST ${path} HTTP/1.1\r\n${HOST}Content-Length: ${lengthBytes}\r\n\r\nabc`

/** What the client sends before it leaves, and what it has received by then. */
const phases: Record<string, { text: string; sees?: string }> = {
  waiting: { text: get('/waiting') },
  'waiting-after-body': { text: post('/waiting-after-body', 3) },
  streaming: { text: get('/streaming'), sees: 'first' },
  uploading: { text: post('/uploading', 9) },
  unread: { text: post('/unread', 9) },
  'unread-and-large': { text: post('/unread-and-large', 150_000) + 'x'.repeat(150_000 - 3) },
}

interface Counts {
  readonly started: Readonly<Record<string, number>>
  readonly aborted: Readonly<Record<string, number>>
}

describe('a handler in a replica', () => {
  let cluster: Cluster
  let port: number
  before(async () => {
    cluster = await startCluster('test/fixtures/fault.mjs:app')
    port = Number(new URL(cluster.url).port)
  })
  after(() => cluster.dispose())

  const counts = async (): Promise<Counts> => (await (await fetch(`${cluster.url}/counts`)).json()) as Counts
  const leave = (clients: readonly RawClient[]): void => {
    for (const [n, { socket }] of clients.entries()) n % 2 === 0 ? socket.destroy() : socket.resetAndDestroy()
  }
  const left = (): number => cluster.log(/^proxy_/).match(/ 499 \d/g)?.length ?? 0

  for (const [phase, { text, sees = '' }] of Object.entries(phases)) {
    it(`has its AbortSignal fired when the client leaves while ${phase.replaceAll('-', ' ')}: ${TIMES} of ${TIMES}`, async () => {
      const before = left()
      const clients = Array.from({ length: TIMES }, () => rawClient(port, text))
      await eventually(async () => (await counts()).started[phase] === TIMES)
      await eventually(() => clients.every((client) => client.text.includes(sees)))
      leave(clients)
      await eventually(async () => (await counts()).aborted[phase] === TIMES)
      await eventually(() => left() === before + TIMES)
    })
  }

  it(`is never started for clients that leave while queued: ${TIMES} of ${TIMES}`, async () => {
    const before = left()
    const { started } = await counts()
    const busy = Array.from({ length: MOST }, () => rawClient(port, get('/wait/3000')))
    await eventually(() => busy.every(({ socket }) => socket.bytesWritten > 0))
    const queued = Array.from({ length: TIMES }, () => rawClient(port, get('/waiting')))
    await eventually(() => queued.every(({ socket }) => socket.bytesWritten > 0))
    // Answered on a connection that was made later: the proxy has read what came before.
    expect(await ask(port, { path: '/-/healthz' })).to.equal('200 success')
    leave(queued)
    await eventually(() => left() === before + TIMES)
    await eventually(() => busy.every((client) => client.text.endsWith('waited')))
    expect((await counts()).started).to.deep.equal(started)
    leave(busy)
  })

  it('sends events that arrive one by one: the second is made after the client has the first', async () => {
    const client = rawClient(port, get('/sse'))
    for (const data of ['one', 'two', 'three']) {
      await eventually(() => client.text.includes(`data: ${data}\n\n`))
      await fetch(`${cluster.url}/next`)
    }
    await eventually(() => client.text.endsWith('\r\n0\r\n\r\n'))
    expect(client.text).to.match(/^content-type: text\/event-stream/im)
    client.socket.destroy()
  })
})
