import { expect } from 'chai'
import fc from 'fast-check'
import {
  answerHeaders,
  answerTrailers,
  framing,
  type Hop,
  isRefusal,
  requestHeaders,
  requestId,
} from '../../../proxy/headers.ts'

const forwarded = { 'x-forwarded-host': 'h', 'x-forwarded-for': '10.0.0.1', 'x-forwarded-proto': 'http' }
const hop: Hop = { id: 'id-1', host: 'h', forwarded }
const ours = { host: 'h', ...forwarded }

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
    expect(requestHeaders({}, { ...hop, forwarded: {}, host: undefined })).to.deep.equal({ 'x-request-id': 'id-1' })
  })

  it('never drops the framing of a body, and never adds one', () => {
    const connection = 'close, content-length, transfer-encoding, host, x-request-id, x-forwarded-for'
    expect(requestHeaders({ connection, 'content-length': '5' }, hop)).to.include({ 'content-length': '5', ...ours })
    expect(requestHeaders({ connection, 'transfer-encoding': 'Chunked' }, hop)).to.include({
      'transfer-encoding': 'chunked',
    })
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

describe('answerHeaders', () => {
  it('keep order, case and repetitions of what is end to end', () => {
    const raw = [
      'Set-Cookie',
      'a',
      'Keep-Alive',
      'timeout=5',
      'X-Own',
      '1',
      'Set-Cookie',
      'b',
      'Connection',
      'X-OWN, close',
    ]
    expect(answerHeaders(raw, { id: 'id-1', trailers: false })).to.deep.equal([
      ...['Set-Cookie', 'a', 'Set-Cookie', 'b'],
      ...['x-request-id', 'id-1'],
    ])
  })

  it('have our request id, and announce trailers only where they may follow', () => {
    const raw = ['Trailer', 'x-t', 'X-Request-Id', 'forged', 'X-Batoid-Refused', '1', 'Transfer-Encoding', 'chunked']
    expect(answerHeaders(raw, { id: 'i', trailers: true })).to.deep.equal(['Trailer', 'x-t', 'x-request-id', 'i'])
    expect(answerHeaders(raw, { id: 'i', trailers: false })).to.deep.equal(['x-request-id', 'i'])
  })
})

describe('answerTrailers', () => {
  it('are the pairs that are end to end', () => {
    const raw = ['X-T', '1', 'Transfer-Encoding', 'x', 'X-Request-Id', 'forged', 'X-T', '2']
    expect(answerTrailers(raw)).to.deep.equal([
      ['X-T', '1'],
      ['X-T', '2'],
    ])
    expect(answerTrailers([])).to.deep.equal([])
  })
})

describe('isRefusal', () => {
  it('takes both the status and the header', () => {
    expect(isRefusal(503, { 'x-batoid-refused': '1' })).to.equal(true)
    expect(isRefusal(503, {})).to.equal(false)
    expect(isRefusal(200, { 'x-batoid-refused': '1' })).to.equal(false)
  })
})
