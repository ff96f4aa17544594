import { expect } from 'chai'
import fc from 'fast-check'
import { takePrefix } from '../../../shared/headers.ts'
import { endToEnd, framing, type Hop, requestHeaders, requestId } from '../../../proxy/headers.ts'

const forwarded = { 'x-forwarded-host': 'h', 'x-forwarded-for': '10.0.0.1', 'x-forwarded-proto': 'http' }
const hop: Hop = { id: 'id-1', host: 'h', prefix: '/', forwarded }
const ours = Object.entries(forwarded).flat()

/** The headers for a request with these, as Node shows them. */
function headersFor(raw: readonly string[], about: Hop = hop): string[] {
  const incoming: Record<string, string> = {}
  for (let at = 0; at < raw.length; at += 2) incoming[raw[at]?.toLowerCase() ?? ''] = raw[at + 1] ?? ''
  return requestHeaders(raw, incoming, about)
}

describe('requestId', () => {
  it('keeps what is safe to print and to repeat, and replaces all else', () => {
    const newId = () => 'fresh'
    for (const id of ['a', 'x'.repeat(128), '!~{}"']) expect(requestId(id, newId)).to.equal(id)
    for (const id of [undefined, '', 'x'.repeat(129), 'a b', 'a, b', 'a\tb', '\x7f', 'ü', 'a\n', ['a', 'b']]) {
      expect(requestId(id, newId), String(id)).to.equal('fresh')
    }
  })
})

describe('framing', () => {
  it('tells how a body is delimited', () => {
    expect(framing({})).to.equal('none')
    expect(framing({ 'content-length': '0' })).to.equal('none')
    expect(framing({ 'content-length': '5' })).to.equal('length')
    expect(framing({ 'transfer-encoding': 'Chunked' })).to.equal('chunked')
    expect(framing({ 'transfer-encoding': 'gzip, chunked' })).to.equal(undefined)
  })
})

describe('requestHeaders', () => {
  it('keeps what is end to end as it was written, also what is there twice', () => {
    const raw = ['Accept', '*/*', 'COOKIE', 'a=1', 'X-A', '1', 'cookie', 'b=2', 'X-A', '2']
    expect(headersFor(raw)).to.deep.equal(['host', 'h', ...raw, ...ours, 'x-request-id', 'id-1'])
  })

  it('puts ours in place of what a client could lie in', () => {
    const forged = ['X-Forwarded-For', 'f', 'x-forwarded-port', 'f', 'x-forwarded-prefix', '/f', 'Forwarded', 'f']
    const raw = [...forged, 'Host', 'f', 'X-Request-Id', 'f', 'Expect', 'f', 'accept', '*/*']
    expect(headersFor(raw)).to.deep.equal(['host', 'h', 'accept', '*/*', ...ours, 'x-request-id', 'id-1'])
    expect(headersFor([], { ...hop, forwarded: {}, host: undefined })).to.deep.equal([
      'host',
      'localhost',
      'x-request-id',
      'id-1',
    ])
  })

  it('never drops the length of a body, and never adds one', () => {
    const connection = ['connection', 'close, content-length, transfer-encoding, host, x-request-id, x-forwarded-for']
    const withLength = headersFor([...connection, 'Content-Length', '5'])
    expect(withLength).to.deep.equal(['host', 'h', 'content-length', '5', ...ours, 'x-request-id', 'id-1'])
    for (const raw of [[...connection, 'Transfer-Encoding', 'Chunked'], []]) {
      expect(headersFor(raw)).to.deep.equal(['host', 'h', ...ours, 'x-request-id', 'id-1'])
    }
  })

  it('say by which prefix the request was found, whatever the client says of it', () => {
    const forged = ['X-Batoid-Prefix', '/theirs 7', 'x-kept', 'x-batoid-prefix']
    const told = (prefix: string, forwardedPrefix: string) => {
      const headers = headersFor(forged, { ...hop, prefix, forwarded: { 'x-forwarded-prefix': forwardedPrefix } })
      const { length } = headers
      const object: Record<string, unknown> = { 'x-batoid-prefix': 'made before' }
      const found = takePrefix({ rawHeaders: headers, headers: object })
      if (prefix !== '/') expect(object).to.deep.equal({ 'x-forwarded-prefix': forwardedPrefix })
      expect(headers).to.have.length(length).and.not.include('/theirs 7')
      return [found, ...headers.filter((_, at) => headers[at - 1] === 'x-forwarded-prefix')]
    }
    expect(told('/shop', '/shop')).to.deep.equal(['/shop', '/shop'])
    expect(told('/shop', '/gate way/shop')).to.deep.equal(['/shop', '/gate way/shop'])
    expect(told('/%C3%BC', '/%C3%BC')).to.deep.equal(['/ü', '/%C3%BC'])
    expect(told('/', '/gateway')).to.deep.equal(['/', '/gateway'])
  })

  it('keeps exactly the headers that are end to end', () => {
    const name = fc.constantFrom('accept', 'cookie', 'te', 'upgrade', 'keep-alive', 'x-a', 'x-b', 'proxy-authorization')
    fc.assert(
      fc.property(fc.uniqueArray(name), fc.array(name), (present, named) => {
        const connection = ['Connection', named.map((key) => key.toUpperCase()).join(' ,')]
        const raw = [...connection, ...present.flatMap((key) => [key, 'v'])]
        const kept = headersFor(raw, { id: 'i', host: undefined, prefix: '/', forwarded: {} }).filter(
          (_, at) => at % 2 === 0,
        )
        const hopByHop = ['te', 'upgrade', 'keep-alive', 'proxy-authorization', ...named]
        expect(kept).to.have.members(['host', ...present.filter((key) => !hopByHop.includes(key)), 'x-request-id'])
      }),
    )
  })
})

describe('endToEnd', () => {
  it('keeps order, case and repetitions of what a client gets, without the id, which is set anew', () => {
    const raw = [
      ...['Set-Cookie', 'a', 'Keep-Alive', 'timeout=5', 'X-Own', '1', 'Set-Cookie', 'b', 'Connection', 'X-OWN, close'],
      ...['X-Request-Id', 'forged', 'Transfer-Encoding', 'chunked', 'X-Batoid-Refused', '0', 'Trailer', 'x'],
    ]
    expect(endToEnd(raw)).to.deep.equal(['Set-Cookie', 'a', 'Set-Cookie', 'b'])
    expect(endToEnd([])).to.deep.equal([])
  })
})
