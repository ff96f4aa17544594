import { expect } from 'chai'
import { parseHead, parseTrailers, readFields } from '../../../proxy/answer-head.ts'

const headOf = (...lines: readonly string[]): string => ['HTTP/1.1 200 OK', ...lines].join('\r\n')

describe('parseHead', () => {
  it('reads status, reason and headers, without the blanks around values', () => {
    const head = parseHead('HTTP/1.1 404 Not  Found\r\nX-A:1\r\nx-b: \t 2 3\t \r\nX-A:\r\nX-C: \xa0\xc3\xa0')
    expect(head).to.include({ status: 404, statusText: 'Not  Found', extent: 'until closed', isKept: true })
    expect(head?.headers).to.deep.equal(['X-A', '1', 'x-b', '2 3', 'X-A', '', 'X-C', '\xa0\xc3\xa0'])
  })

  it('needs neither a reason nor headers', () => {
    for (const text of ['HTTP/1.1 200', 'HTTP/1.1 200 ']) {
      expect(parseHead(text)).to.deep.include({ status: 200, statusText: '', headers: [] })
    }
  })

  it('tells how the body ends, whether the connection is kept, and why a request was refused', () => {
    expect(parseHead(headOf('content-LENGTH: 12'))).to.include({ extent: 12, isKept: true, refusal: undefined })
    expect(parseHead(headOf('Transfer-Encoding: Chunked'))).to.include({ extent: 'chunked' })
    for (const value of ['close', 'Close', 'x, close', 'close,keep-alive']) {
      expect(parseHead(headOf(`Connection: ${value}`))?.isKept, value).to.equal(false)
    }
    for (const value of ['keep-alive', 'closed', 'x-close']) {
      expect(parseHead(headOf(`Connection: ${value}`))?.isKept, value).to.equal(true)
    }
    expect(parseHead('HTTP/1.0 200 OK\r\nConnection: keep-alive')).to.include({ isKept: false })
    expect(parseHead(headOf('X-Batoid-Refused: busy'))).to.include({ refusal: 'busy' })
    expect(parseHead(headOf('X-Batoid-Refused: 1'))).to.include({ refusal: undefined })
  })

  it('keeps from the client what is hop by hop, and the announcement of trailers apart', () => {
    const head = parseHead(headOf('Connection: X-Own', 'X-Own: 1', 'Keep-Alive: timeout=5', 'Trailer: x-t', 'X-B: 2'))
    expect(head).to.deep.include({ headers: ['X-B', '2'], trailer: ['Trailer', 'x-t'] })
  })

  it('takes nothing that is not exactly a head', () => {
    const wrong = [
      ...['', 'HTTP/1.1', 'HTTP/1.1 20 OK', 'HTTP/1.1 2000 OK', 'HTTP/1.1 099 OK', 'HTTP/2 200 OK', 'http/1.1 200 OK'],
      ...[
        'HTTP/1.1  200 OK',
        'HTTP/1.1 200OK',
        'ICY 200 OK',
        'HTTP/1.1 200 O\x01K',
        'HTTP/1.1 200 OK\r',
        ' HTTP/1.1 200',
      ],
      ...[
        'X',
        'X : 1',
        ' X: 1',
        ': 1',
        'X Y: 1',
        'X: a\rb',
        'X: a\nb',
        'X: a\0b',
        'X: a\x7fb',
        'X: 1\r\n folded',
        '',
      ].map((line) => headOf(line)),
    ]
    for (const text of wrong) expect(parseHead(text), JSON.stringify(text)).to.equal(undefined)
  })

  it('takes no framing that could be read in two ways', () => {
    const doubtful = [
      ['Content-Length: 5', 'Content-Length: 5'],
      ['Content-Length: 5', 'Transfer-Encoding: chunked'],
      ['Transfer-Encoding: chunked', 'Content-Length: 5'],
      ['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'],
      ...['gzip, chunked', 'identity', 'chunked, chunked', 'xchunked', ''].map((value) => [
        `Transfer-Encoding: ${value}`,
      ]),
      ...['-5', '+5', '5, 5', '0x5', '5 5', '', '1e3', '9'.repeat(16)].map((value) => [`Content-Length: ${value}`]),
    ]
    for (const lines of doubtful) expect(parseHead(headOf(...lines)), String(lines)).to.equal(undefined)
    expect(readFields(['content-length', '5', 'Content-Length', '6'])).to.equal(undefined)
  })

  it('reads 64 KiB of headers, and refuses as many that go wrong at their end, in no time', () => {
    const lines = Array.from({ length: 8000 }, () => 'X: abcd')
    expect(parseHead(headOf(...lines))?.headers).to.have.length(16_000)
    expect(parseHead(headOf(...lines, 'X: \0'))).to.equal(undefined)
    expect(parseHead(headOf(`X: ${'a'.repeat(64 * 1024)}\0`))).to.equal(undefined)
  })
})

describe('parseTrailers', () => {
  it('reads what may be sent on, and takes nothing else', () => {
    expect(parseTrailers('')).to.deep.equal([])
    expect(parseTrailers('X-T: 1\r\nX-Request-Id: forged\r\nTransfer-Encoding: x\r\nX-T:2')).to.deep.equal([
      'X-T',
      '1',
      'X-T',
      '2',
    ])
    for (const text of ['X', 'X : 1', 'X: a\nb', '\r\nX: 1']) expect(parseTrailers(text), text).to.equal(undefined)
  })
})
