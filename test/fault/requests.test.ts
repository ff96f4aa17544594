import { expect } from 'chai'
import { eventually } from '../helpers/eventually.ts'
import { type Bench, rawClient, startBench } from '../helpers/proxy.ts'
import { type Seen, type StrictReplica, strictReplica } from '../helpers/strict-replica.ts'

/** A request that nobody sent if it arrives: it stands in the body of another. */
const HIDDEN = 'GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n'
const TWO = 'GET /two HTTP/1.1\r\nHost: a\r\n\r\n'
const HOST = 'Host: a\r\n'
const CHUNKED = 'Transfer-Encoding: chunked\r\n'

const chunks = (body: string): string => `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`
const get = (headers: string, target = '/'): string => `GET ${target} HTTP/1.1\r\n${HOST}${headers}\r\n`
const post = (headers: string, body = HIDDEN, method = 'POST'): string =>
  `${method} / HTTP/1.1\r\n${HOST}${headers}\r\n${body}`

interface Case {
  readonly send: string
  /** The statuses that the client gets. */
  readonly gets: string
  /** `METHOD target|body` of what arrives at the replica. */
  readonly seen: readonly string[]
}

const refused = (send: string, gets = '400'): Case => ({ send, gets, seen: [] })
const passed = (send: string, ...seen: readonly string[]): Case => ({
  send,
  gets: seen.map(() => '200').join(' '),
  seen,
})

const framing: Record<string, Case> = {
  ...Object.fromEntries(
    ['GET', 'HEAD', 'DELETE', 'OPTIONS', 'POST', 'TRACE', 'PROPFIND'].flatMap((method): [string, Case][] => [
      [`a chunked ${method}`, passed(post(CHUNKED, chunks(HIDDEN), method), `${method} /|${HIDDEN}`)],
      [
        `${method} with a length`,
        passed(post(`Content-Length: ${HIDDEN.length}\r\n`, HIDDEN, method), `${method} /|${HIDDEN}`),
      ],
    ]),
  ),
  'a length and chunks (CL.TE)': refused(post(`Content-Length: 6\r\n${CHUNKED}`, `0\r\n\r\n${HIDDEN}`)),
  'chunks and a length (TE.CL)': refused(post(`${CHUNKED}Content-Length: 4\r\n`, `1\r\nZ\r\n0\r\n\r\n${HIDDEN}`)),
  'two lengths': refused(post(`Content-Length: 0\r\nContent-Length: ${HIDDEN.length}\r\n`)),
  'the same length twice': refused(post('Content-Length: 3\r\nContent-Length: 3\r\n', 'abc')),
  'a list of lengths': refused(post('Content-Length: 3, 3\r\n', 'abc')),
  'an empty length': refused(post('Content-Length:\r\n')),
  'a negative length': refused(post('Content-Length: -1\r\n')),
  'a length with a plus': refused(post('Content-Length: +3\r\n', 'abc')),
  'a hexadecimal length': refused(post('Content-Length: 0x3\r\n', 'abc')),
  'a length of two numbers': refused(post('Content-Length: 3 3\r\n', 'abc')),
  'a length that overflows': refused(post('Content-Length: 18446744073709551619\r\n', 'abc')),
  'a space before the colon of the length': refused(post('Content-Length : 3\r\n', 'abc')),
  'a length folded into the next line': refused(post('Content-Length:\r\n 3\r\n', 'abc')),
  'chunked before identity': refused(post('Transfer-Encoding: chunked, identity\r\n', chunks(HIDDEN))),
  'chunked and identity on two lines': refused(post(`${CHUNKED}Transfer-Encoding: identity\r\n`, chunks(HIDDEN))),
  'chunked twice': refused(post(`${CHUNKED}${CHUNKED}`, chunks(HIDDEN))),
  'chunked and a comma': refused(post('Transfer-Encoding: chunked,\r\n', chunks(HIDDEN))),
  'identity before chunked': refused(post('Transfer-Encoding: identity, chunked\r\n', chunks(HIDDEN)), '501'),
  identity: refused(post('Transfer-Encoding: identity\r\n', chunks(HIDDEN)), '501'),
  'identity and a length': refused(post('Transfer-Encoding: identity\r\nContent-Length: 3\r\n', 'abc')),
  'gzip before chunked': refused(post('Transfer-Encoding: gzip, chunked\r\n', chunks(HIDDEN)), '501'),
  xchunked: refused(post('Transfer-Encoding: xchunked\r\n', chunks(HIDDEN)), '501'),
  'chunked in quotes': refused(post('Transfer-Encoding: "chunked"\r\n', chunks(HIDDEN)), '501'),
  'chunked with a parameter': refused(post('Transfer-Encoding: chunked;q=1\r\n', chunks(HIDDEN)), '501'),
  'an empty coding, which Node takes for no body': refused(post('Transfer-Encoding:\r\n'), '501'),
  'chunked behind a vertical tab': refused(post('Transfer-Encoding: \x0bchunked\r\n', chunks(HIDDEN))),
  'chunked behind two spaces': passed(post('Transfer-Encoding:  chunked\r\n', chunks(HIDDEN)), `POST /|${HIDDEN}`),
  'chunked behind a tab': passed(post('TRANSFER-ENCODING:\tCHUNKED\r\n', chunks(HIDDEN)), `POST /|${HIDDEN}`),
  'a space before the colon of the coding': refused(post('Transfer-Encoding : chunked\r\n', chunks(HIDDEN))),
  'a coding folded into the next line': refused(post('Transfer-Encoding:\r\n chunked\r\n', chunks(HIDDEN))),
  'an underscore in the name of the coding': passed(
    post(`Transfer_Encoding: chunked\r\nContent-Length: ${chunks(HIDDEN).length}\r\n`, chunks(HIDDEN)),
    `POST /|${chunks(HIDDEN)}`,
  ),
  'framing named by Connection': passed(
    post(`Connection: content-length, host\r\nContent-Length: ${HIDDEN.length}\r\n`),
    `POST /|${HIDDEN}`,
  ),
  'a coding named by Connection': passed(
    post(`Connection: transfer-encoding\r\n${CHUNKED}`, chunks(HIDDEN)),
    `POST /|${HIDDEN}`,
  ),
  'a request behind a body': passed(
    post(`Content-Length: ${HIDDEN.length}\r\n`) + TWO,
    `POST /|${HIDDEN}`,
    'GET /two|',
  ),
  'a body behind an upgrade nobody offers': passed(
    post(`Connection: upgrade\r\nUpgrade: h2c\r\nContent-Length: ${HIDDEN.length}\r\n`),
    `POST /|${HIDDEN}`,
  ),
  'chunks in HTTP/1.0': passed(`POST / HTTP/1.0\r\n${CHUNKED}\r\n${chunks(HIDDEN)}`, `POST /|${HIDDEN}`),
  'a body that was expected': {
    send: post(`Expect: 100-continue\r\nContent-Length: ${HIDDEN.length}\r\n`),
    gets: '100 200',
    seen: [`POST /|${HIDDEN}`],
  },
}

const chunking: Record<string, Case> = {
  'extensions, which end here': passed(post(CHUNKED, '3;a=b;c="d"\r\nabc\r\n0;x\r\n\r\n'), 'POST /|abc'),
  'trailers, which end here': passed(post(CHUNKED, `3\r\nabc\r\n0\r\nX: 1\r\n\r\n${TWO}`), 'POST /|abc', 'GET /two|'),
  'trailers that set the framing': refused(
    post(CHUNKED, `3\r\nabc\r\n0\r\nContent-Length: 50\r\n${CHUNKED}\r\n${HIDDEN}`),
  ),
  'trailers with a space before the colon': refused(post(CHUNKED, '3\r\nabc\r\n0\r\nX : 1\r\n\r\n')),
  'trailers without an end': refused(post(CHUNKED, `3\r\nabc\r\n0\r\n${'X: 1\r\n'.repeat(20_000)}`), '431'),
  'an extension that hides a line feed': refused(post(CHUNKED, `3;a\nabc\r\n0\r\n\r\n${HIDDEN}`)),
  'extensions without an end': refused(post(CHUNKED, `3;${'a'.repeat(100_000)}\r\nabc\r\n0\r\n\r\n`), '413'),
  'a size beyond 64 bits': refused(post(CHUNKED, '10000000000000003\r\nabc\r\n0\r\n\r\n')),
  'a size of many digits': refused(post(CHUNKED, `${'f'.repeat(40)}\r\nabc`)),
  'a negative size': refused(post(CHUNKED, '-3\r\nabc\r\n0\r\n\r\n')),
  'a size with 0x': refused(post(CHUNKED, '0x3\r\nabc\r\n0\r\n\r\n')),
  'a space before the size': refused(post(CHUNKED, ' 3\r\nabc\r\n0\r\n\r\n')),
  'a space after the size': refused(post(CHUNKED, '3 \r\nabc\r\n0\r\n\r\n')),
  'no size': refused(post(CHUNKED, '\r\nabc\r\n0\r\n\r\n')),
  'bare line feeds': refused(post(CHUNKED, '3\nabc\n0\n\n')),
  'more than was announced': refused(post(CHUNKED, '3\r\nabcd\r\n0\r\n\r\n')),
  'something else where a line should end': refused(post(CHUNKED, '3\r\nabcXX0\r\n\r\n')),
}

const lines: Record<string, Case> = {
  'bare line feeds': refused(`GET / HTTP/1.1\nHost: a\n\n`),
  'a bare line feed after a header': refused(get('X: a\nY: b\r\n')),
  'a bare line feed at the end': refused('GET / HTTP/1.1\r\nHost: a\r\n\n'),
  'a bare carriage return in a value': refused(get(`X: a\r${CHUNKED}`)),
  'two carriage returns': refused(get('X: a\r\r\n')),
  'a carriage return in the first line': refused(`GET /\r HTTP/1.1\r\n${HOST}\r\n`),
  'a folded header': refused(get('X: a\r\n b\r\n')),
  'a folded first header': refused(`GET / HTTP/1.1\r\n X: a\r\n${HOST}\r\n`),
  'NUL in a value': refused(get('X: a\0b\r\n')),
  'NUL in a name': refused(get('X\0: a\r\n')),
  'NUL in the target': refused(get('', '/a\0b')),
  'a control character in a value': refused(get('X: a\x01b\r\n')),
  'a space before a colon': refused(get('X : a\r\n')),
  'a header without a colon': refused(get('X\r\n')),
  'a header without a name': refused(get(': a\r\n')),
  'a space in a name': refused(get('X Y: a\r\n')),
  'a bracket in a name': refused(get('X(Y): a\r\n')),
  'tabs in the first line': refused(`GET\t/\tHTTP/1.1\r\n${HOST}\r\n`),
  'empty lines before the first': passed(`\r\n\r\n${get('')}`, 'GET /|'),
  'a header beyond the limit': refused(get(`X: ${'a'.repeat(20_000)}\r\n`), '431'),
  'headers beyond the limit': refused(get('X: a\r\n'.repeat(50_000)), '431'),
  'so many headers that Node would drop the framing': refused(
    post(`${'X:\r\n'.repeat(2_500)}${CHUNKED}`, chunks(HIDDEN)),
    '431',
  ),
  'a target beyond the limit': refused(get('', `/${'a'.repeat(20_000)}`), '414'),
  'names that objects have already': passed(get('__proto__: x\r\nconstructor: y\r\n'), 'GET /|'),
}

const firstLines: Record<string, Case> = {
  'of HTTP/0.9': refused('GET /\r\n\r\n', '505'),
  'of HTTP/0.9 that says so': refused('GET / HTTP/0.9\r\n\r\n', '505'),
  'of HTTP/1.2': refused(`GET / HTTP/1.2\r\n${HOST}\r\n`),
  'of HTTP/2.0': refused(`GET / HTTP/2.0\r\n${HOST}\r\n`, '505'),
  'of HTTP/1.11': refused(`GET / HTTP/1.11\r\n${HOST}\r\n`),
  'in lower case': refused(`get / http/1.1\r\n${HOST}\r\n`),
  'of HTTP/2': refused('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04'),
  'of TLS': refused('\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'),
  'of nothing known': refused('garbage\r\n\r\n'),
  'of an unknown method': refused(`FOO / HTTP/1.1\r\n${HOST}\r\n`),
  'with a space in the target': refused(get('', '/a b')),
  'with a byte in the target that no URL has': refused(get('', '/\xe9')),
  'in absolute form': passed(get('', 'http://b:1//x?y'), 'GET //x?y|'),
  'in absolute form with a user': refused(get('', 'http://u@b/')),
  'in absolute form of another scheme': refused(get('', 'ftp://b/')),
  'in absolute form without a host': refused(get('', 'http:///x')),
  'in absolute form with half an address': refused(get('', 'http://[::bad/')),
  'in authority form': refused(get('', 'b:80')),
  'in asterisk form': refused(`OPTIONS * HTTP/1.1\r\n${HOST}\r\n`),
  'that asks for a tunnel': refused(`CONNECT b:80 HTTP/1.1\r\nHost: b:80\r\n\r\n${HIDDEN}`),
  'without a host': refused('GET / HTTP/1.1\r\n\r\n'),
  'with two hosts': refused(get('Host: b\r\n')),
  'with the same host twice': refused(get(HOST)),
  'with a host that is none': refused('GET / HTTP/1.1\r\nHost: a b/@?\r\n\r\n'),
}

/** What the client sent as, and what the replica got as; undefined: nothing. */
const hops: Record<string, { sent: string; got: Record<string, string | undefined> }> = {
  'a header that Connection names': {
    sent: 'Connection: x-secret, keep-alive\r\nX-Secret: 1\r\nX-Kept: 1\r\n',
    got: { 'x-secret': undefined, 'x-kept': '1' },
  },
  'what is meant for the proxy': {
    sent: 'Proxy-Authorization: a\r\nProxy-Connection: b\r\nTE: trailers\r\nKeep-Alive: 5\r\nUpgrade: h2c\r\nTrailer: x\r\n',
    got: Object.fromEntries(
      ['proxy-authorization', 'proxy-connection', 'te', 'keep-alive', 'upgrade', 'trailer'].map((name) => [
        name,
        undefined,
      ]),
    ),
  },
  'forwarding headers that the client made up': {
    sent: [
      'X-Forwarded-For: 8.8.8.8\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil\r\nX-Forwarded-Port: 1',
      'X-Forwarded-Prefix: /evil\r\nX-Forwarded-Anything: 1\r\nForwarded: for=8.8.8.8\r\n',
    ].join('\r\n'),
    got: {
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-proto': 'http',
      'x-forwarded-host': 'a',
      'x-forwarded-port': undefined,
      'x-forwarded-prefix': undefined,
      'x-forwarded-anything': undefined,
      forwarded: undefined,
    },
  },
}

describe('of a request', () => {
  let bench: Bench
  let replica: StrictReplica
  before(async () => {
    bench = await startBench()
    replica = await strictReplica(bench.socketPath('strict'))
    bench.serve(replica)
  })
  after(async () => {
    await bench.stop()
    await replica.stop()
  })

  /** What has arrived since the last call. The request that is sent last, and must be answered, shows that it is all. */
  async function arrived(): Promise<Seen[]> {
    expect(await (await bench.get('/last')).text()).to.equal('GET /last')
    await eventually(() => bench.proxy.gauges.ongoing === 0)
    expect(bench.proxy.gauges).to.deep.equal({ ongoing: 0, queued: 0, leased: 0 })
    expect(replica.faults.splice(0)).to.deep.equal([])
    return replica.seen.splice(0).filter(({ target }) => target !== '/last')
  }

  async function check({ send, gets, seen }: Case): Promise<void> {
    const client = rawClient(bench.port, send)
    const statuses = () => [...client.text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => status).join(' ')
    const isRefused = seen.length === 0
    await eventually(() => (isRefused ? client.isClosed : statuses().length >= gets.length)).catch(() => {})
    const shown = (await arrived()).map(({ method, target, body }) => `${method} ${target}|${body}`)
    expect({ gets: statuses(), seen: shown, isClosed: isRefused && client.isClosed }).to.deep.equal({
      gets,
      seen: [...seen],
      isClosed: isRefused,
    })
    client.socket.destroy()
  }

  for (const [what, cases] of Object.entries({
    'the framing is as it was, or refused': framing,
    'the chunks are read to the letter': chunking,
    'the lines are read to the letter': lines,
    'the first line is understood, or refused': firstLines,
  })) {
    describe(what, () => {
      for (const [name, row] of Object.entries(cases)) it(name, () => check(row))
    })
  }

  describe('the headers that reach the replica are not', () => {
    for (const [name, { sent, got }] of Object.entries(hops)) {
      it(name, async () => {
        const client = rawClient(bench.port, get(sent))
        await eventually(() => client.text.startsWith('HTTP/1.1 200'))
        const [seen] = await arrived()
        const headers = new Map(seen?.headers.map(([header, value]) => [header.toLowerCase(), value]))
        expect(Object.fromEntries(Object.keys(got).map((header) => [header, headers.get(header)]))).to.deep.equal(got)
        client.socket.destroy()
      })
    }
  })

  it('the client hears nothing of another: a body that does not end is waited for, and forgotten with its sender', async () => {
    const client = rawClient(bench.port, post('Content-Length: 9007199254740993\r\n', HIDDEN))
    await eventually(() => bench.proxy.gauges.leased === 1)
    client.socket.destroy()
    await eventually(() => bench.proxy.gauges.ongoing === 0)
    expect(await arrived()).to.deep.equal([])
  })
})
