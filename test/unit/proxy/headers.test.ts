import { expect } from 'chai'
import fc from 'fast-check'
import {
  extraHeaders,
  framing,
  type Hop,
  isRefusal,
  readAnswer,
  requestHeaders,
  requestId,
} from '../../../proxy/headers.ts'

const hop: Hop = { id: 'id-1', clientAddress: '::ffff:10.0.0.1', host: 'h', prefix: '/' }
const ours = { host: 'h', 'x-forwarded-host': 'h', 'x-forwarded-for': '10.0.0.1', 'x-forwarded-proto': 'http' }

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
  it('puts ours in place of what a client could lie in', () => {
    const forged = { 'x-forwarded-for': 'f', 'x-forwarded-port': 'f', 'x-forwarded-prefix': '/f', forwarded: 'f' }
    const headers = requestHeaders({ ...forged, host: 'f', 'x-request-id': 'f', expect: 'f', accept: '*/*' }, hop)
    expect(headers).to.deep.equal({ accept: '*/*', ...ours, 'x-request-id': 'id-1' })
    expect(requestHeaders({}, { ...hop, prefix: '/api' })['x-forwarded-prefix']).to.equal('/api')
    expect(requestHeaders({}, { ...hop, clientAddress: '::1', host: undefined })).to.deep.equal({
      'x-forwarded-for': '::1',
      'x-forwarded-proto': 'http',
      'x-request-id': 'id-1',
    })
  })

  it('never drops the length of a body, and never adds one', () => {
    const connection = 'close, content-length, transfer-encoding, host, x-request-id, x-forwarded-for'
    expect(requestHeaders({ connection, 'content-length': '5' }, hop)).to.include({ 'content-length': '5', ...ours })
    expect(requestHeaders({ connection, 'transfer-encoding': 'Chunked' }, hop)).not.to.have.any.keys(
      ...['transfer-encoding', 'content-length'],
    )
    expect(requestHeaders({}, hop)).to.have.all.keys(...Object.keys(ours), 'x-request-id')
  })

  it('keeps exactly the headers that are end to end', () => {
    const name = fc.constantFrom('accept', 'cookie', 'te', 'upgrade', 'keep-alive', 'x-a', 'x-b', 'proxy-authorization')
    fc.assert(
      fc.property(fc.uniqueArray(name), fc.array(name), (present, named) => {
        const incoming = Object.fromEntries(present.map((key) => [key, 'v']))
        const connection = named.map((key) => key.toUpperCase()).join(' ,')
        const kept = Object.keys(requestHeaders({ ...incoming, connection }, hop)).filter((key) => !(key in ours))
        const hopByHop = ['te', 'upgrade', 'keep-alive', 'proxy-authorization', ...named]
        expect(kept).to.have.members([...present.filter((key) => !hopByHop.includes(key)), 'x-request-id'])
      }),
    )
  })
})

describe('readAnswer', () => {
  it('keeps order, case and repetitions of what is end to end, with our request id', () => {
    const raw = [
      ...['Set-Cookie', 'a', 'Keep-Alive', 'timeout=5', 'X-Own', '1', 'Set-Cookie', 'b', 'Connection', 'X-OWN, close'],
      ...['X-Request-Id', 'forged', 'Transfer-Encoding', 'chunked', 'X-Batoid-Refused', '0'],
    ]
    expect(readAnswer(raw, 'id-1')).to.deep.equal({
      headers: ['Set-Cookie', 'a', 'Set-Cookie', 'b', 'x-request-id', 'id-1'],
      trailer: [],
      length: undefined,
      isChunked: true,
      refused: '0',
    })
  })

  it('tells apart what depends on the rest of the answer', () => {
    const raw = ['Trailer', 'x-t', 'Content-Length', '5', 'x-batoid-refused', '1', 'Connection', 'keep-alive']
    expect(readAnswer(raw, 'i')).to.deep.equal({
      headers: ['Content-Length', '5', 'x-request-id', 'i'],
      trailer: ['Trailer', 'x-t'],
      length: 5,
      isChunked: false,
      refused: '1',
    })
  })
})

describe('extraHeaders', () => {
  it('are the pairs that are end to end', () => {
    const raw = ['X-T', '1', 'Transfer-Encoding', 'x', 'X-Request-Id', 'forged', 'X-T', '2']
    expect(extraHeaders(raw)).to.deep.equal([
      ['X-T', '1'],
      ['X-T', '2'],
    ])
    expect(extraHeaders([])).to.deep.equal([])
  })
})

describe('isRefusal', () => {
  it('takes both the status and the header', () => {
    expect(isRefusal(503, { 'x-batoid-refused': '1' })).to.equal(true)
    expect(isRefusal(503, {})).to.equal(false)
    expect(isRefusal(200, { 'x-batoid-refused': '1' })).to.equal(false)
  })
})
