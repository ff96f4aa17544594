import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { WebSocket } from 'ws'
import { type Launched, launch } from '../helpers/cluster.ts'
import { deployAlso } from '../helpers/operator.ts'
import { eventually } from '../helpers/eventually.ts'
import { type Answer, type Row, readMatrix, send } from '../helpers/matrix.ts'

const { rows, others } = readMatrix('test/golden/http-matrix.txt')

/** The rows in the order in which they were taken, cut where what they need changes. */
const unpopulated = rows.slice(0, 3)
const ordinary = rows.slice(3, 51)
const late = rows.slice(51, 54)
const crowd = rows.slice(54, 62)
const dying = rows.slice(62, 64)
const removed = rows.slice(64)

interface Improvement {
  /** Why ours is better. */
  readonly because: string
  readonly of: (row: Row) => boolean
  readonly to: (answer: Answer) => Partial<Answer>
}

/** Every difference from the reference, in the order in which they apply. A row without one is to be met exactly. */
const IMPROVEMENTS: readonly Improvement[] = [
  {
    because: 'a cluster that has started is healthy, whether or not anything is deployed',
    of: (row) => row.path === '/-/healthz' && unpopulated.includes(row),
    to: () => ({ status: 200, body: 'success' }),
  },
  {
    because: 'that there are no routes is an answer',
    of: (row) => row.path === '/-/routes' && unpopulated.includes(row),
    to: () => ({ status: 200, body: '{}', contentType: 'application/json' }),
  },
  {
    because: 'who can GET can HEAD (RFC 9110, 9.1), though not learn the length of a body that is not made (9.3.2)',
    of: ({ method, answer }) => method === 'HEAD' && answer.status === 405,
    to: () => ({ status: 200, allow: undefined, framing: 'none' }),
  },
  {
    because: 'and Allow says so',
    of: ({ method, answer }) => method !== 'HEAD' && answer.allow === 'GET',
    to: () => ({ allow: 'GET, HEAD' }),
  },
  {
    because: 'a body has a content type',
    of: ({ answer }) => answer.status === 500 && answer.contentType === undefined,
    to: () => ({ contentType: 'text/plain; charset=utf-8' }),
  },
  {
    because: 'an id that finds nothing in the logs is replaced',
    of: ({ answer }) => answer.requestId === '',
    to: () => ({ requestId: '<id>' }),
  },
  {
    because:
      'that the replica was lost is not the fault of its handler, and nobody knows how far it came (RFC 9110, 15.6.3)',
    of: ({ path, answer }) => path.includes('exit=') && answer.status === 500,
    to: () => ({
      status: 502,
      body: 'The replica that had the request gave no valid answer. It may have executed the request.',
    }),
  },
  {
    because: 'the failure of a replica is the one to be found in the logs, and none of the connection',
    of: ({ path }) => path.includes('exit='),
    to: () => ({ requestId: '<id>', connection: undefined }),
  },
  {
    because: 'a handler may need the address and the protocol that the client used',
    of: ({ path }) => path.includes('hdrs='),
    to: ({ body }) => ({
      body: JSON.stringify({
        ...JSON.parse(body.replace(':8000', ':<port>')),
        'x-forwarded-for': '127.0.0.1',
        'x-forwarded-host': '127.0.0.1:<port>',
        'x-forwarded-prefix': '/plain',
        'x-forwarded-proto': 'http',
      }),
    }),
  },
  {
    because: 'a client that knows the length sees when something is missing, and how much is still to come',
    of: ({ path, answer }) => answer.framing === 'chunked' && !path.includes('stream='),
    to: () => ({ framing: 'content-length' }),
  },
]

function expected(row: Row): Answer {
  const { answer } = row
  return normal(
    IMPROVEMENTS.filter((improvement) => improvement.of(row)).reduce(
      (better, improvement) => ({ ...better, ...improvement.to(better) }),
      answer,
    ),
  )
}

/** What may differ: which Swagger UI it is, the order of headers, and Connection, which belongs to each hop. */
function normal(answer: Answer): Answer {
  if (answer.body.includes('SwaggerUIBundle')) return { ...answer, body: '<swagger-ui page>' }
  if (!answer.body.startsWith('{"') || !answer.body.includes('user-agent')) return answer
  const { connection: _, ...headers }: Record<string, string> = JSON.parse(answer.body)
  return { ...answer, body: JSON.stringify(Object.entries(headers).toSorted()) }
}

/** The request headers of a row, which the transcript does not have, by what was answered. */
function headersOf({ path, answer }: Row): Record<string, string> {
  if (answer.body.includes('"x_request_id":"my-id-2"')) return { x_request_id: 'my-id-2' }
  if (answer.body.includes('timed out after 0.3s')) return { 'x-request-timeout-seconds': '0.3' }
  if (path.includes('sleep=3')) return { 'x-request-timeout-seconds': '0' }
  // A GET is tried once more, on the successor, and so takes as long as one needs to start.
  if (path.includes('exit=')) return { 'x-request-timeout-seconds': '0' }
  return answer.requestId === '<id>' || answer.requestId === undefined ? {} : { 'X-Request-ID': answer.requestId }
}

const titleOf = ({ method, path, answer }: Row): string =>
  `${method} ${path} ${answer.status} ${answer.requestId === '<id>' ? '' : `(id '${answer.requestId}')`}`.trim()

describe("the reference's answers, row by row", () => {
  const directory = mkdtempSync(join(tmpdir(), 'matrix-'))
  const gate = join(directory, 'gate')
  const replayed = new Set<Row>()
  let cluster: Launched
  let port = 0

  const replay = (row: Row): Promise<Answer> => {
    replayed.add(row)
    return send(port, row.method, row.path, headersOf(row)).then(normal)
  }
  const replays = (group: readonly Row[]): void => {
    for (const row of group) {
      it(titleOf(row), async () => expect(await replay(row)).to.deep.equal(expected(row)))
    }
  }

  before(async () => {
    cluster = launch('test/fixtures/http-matrix.ts:plain', {
      args: ['--name', 'plain', '--route-prefix', '/plain'],
      env: { BATOID_TEST_GATE: gate, BATOID_REQUEST_TIMEOUT_S: '2' },
    })
    const started = /\(HTTP port: (\d+)\)[^]*Started Serve in namespace/
    port = Number(await eventually(() => started.exec(cluster.stdout())?.[1], { withinMs: 20_000 }))
  })

  after(async () => {
    cluster.signal('SIGINT')
    await cluster.ended
    await cluster.dispose()
    rmSync(directory, { recursive: true })
  })

  it('are all here, and every difference from them is used', () => {
    const groups = [unpopulated, ordinary, late, crowd, dying, removed]
    expect(groups.flat()).to.deep.equal(rows).and.to.have.lengthOf(66)
    expect(others.map((line) => line.slice(0, 9))).to.deep.equal(['ws echo h', 'ws nope I', 'recovered'])
    expect(late.concat(crowd).every(({ path }) => path.includes('sleep='))).to.equal(true)
    const unused = IMPROVEMENTS.filter((improvement) => !rows.some((row) => improvement.of(row)))
    expect(unused).to.deep.equal([])
  })

  describe('before any application', () => replays(unpopulated))

  describe('of an application that was deleted, as of one that was never there', () => {
    before(async () => {
      writeFileSync(gate, '')
      await eventually(() => cluster.stdout().includes("Application 'plain' is ready"), { withinMs: 20_000 })
    })

    replays(removed)
  })

  describe('of two applications', () => {
    before(() =>
      deployAlso(cluster.session, { importPath: 'test/fixtures/http-matrix.ts:fa', name: 'fa', routePrefix: '/fa' }),
    )

    replays(ordinary)
  })

  describe('that come too late', () => replays(late))

  describe('to more requests than may run and wait', () => {
    it('are those of the reference, in any order', async () => {
      const answers = await Promise.all(crowd.map(replay))
      const inOrder = (all: readonly Answer[]) => all.toSorted((a, b) => (a.body < b.body ? -1 : 1))
      expect(inOrder(answers)).to.deep.equal(inOrder(crowd.map(expected)))
    })
  })

  describe('to WebSockets', () => {
    const dial = (path: string, id: string): WebSocket =>
      new WebSocket(`ws://127.0.0.1:${port}${path}`, { headers: { 'x-request-id': id } })

    it('echo; better: the handshake has the request id', async () => {
      const socket = dial('/fa/ws', 'ws-id')
      const [message, id] = await new Promise<[string, unknown]>((resolve, reject) => {
        let given: unknown
        socket.on('upgrade', ({ headers }) => (given = headers['x-request-id']))
        socket.on('open', () => socket.send('hello'))
        socket.on('message', (data: Buffer) => resolve([data.toString(), given]))
        socket.on('error', reject)
      })
      socket.close()
      expect([message, id]).to.deep.equal(['hello', 'ws-id'])
    })

    it('nope; better: an unknown route is 404 and not 500, with the request id', async () => {
      const socket = dial('/nope', 'ws-id')
      const { statusCode, headers } = await new Promise<IncomingMessage>((resolve, reject) => {
        socket.on('unexpected-response', (_request, response) => resolve(response))
        socket.on('open', () => reject(new Error('was accepted')))
      })
      socket.on('error', () => {})
      socket.terminate()
      expect([statusCode, headers['x-request-id']]).to.deep.equal([404, 'ws-id'])
    })
  })

  describe('of a replica that dies', () => {
    replays(dying.slice(0, 1))

    it('recovers; better: sooner', async () => {
      const referenceMs = Number(/^recovered after (.*)/.exec(others[2] ?? '')?.[1]) * 1000
      const died = performance.now()
      const answers = await Promise.all(
        dying.slice(1).map((row) => eventually(() => recovered(row), { withinMs: 20_000 })),
      )
      expect(answers).to.deep.equal(dying.slice(1).map(expected))
      expect(performance.now() - died).to.be.lessThan(referenceMs)
    })

    const recovered = async (row: Row): Promise<Answer | undefined> => {
      const answer = await replay(row)
      return answer.status === 200 ? answer : undefined
    }
  })

  describe('in the end', () => {
    it('were all asked for', () => expect(replayed.size).to.equal(rows.length))
  })
})
