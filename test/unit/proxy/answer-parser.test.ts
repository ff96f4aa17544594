import { expect } from 'chai'
import fc from 'fast-check'
import { AnswerParser } from '../../../proxy/answer-parser.ts'

interface Read {
  /** What the receiver was told, with the parts of the body put together. */
  readonly told: readonly string[]
  readonly fault: string | undefined
  readonly isReusable: boolean
}

/** Reads these bytes in these pieces, and then the end of the connection if `closes`. */
function read(pieces: readonly string[], { method = 'GET', closes = false } = {}): Read {
  const told: string[] = []
  let body: string | undefined
  const tell = (text: string): void => {
    if (body !== undefined) told.push(`body ${body}`)
    body = undefined
    told.push(text)
  }
  const parser = new AnswerParser({
    method,
    informed: ({ status, headers }) => tell(`informed ${status} ${headers.join()}`),
    begun: ({ status, headers }) => tell(`begun ${status} ${headers.join()}`),
    body: (data) => {
      body = (body ?? '') + data.toString('latin1')
    },
    ended: (trailers) => tell(`ended ${trailers.join()}`),
  })
  let fault: string | undefined
  for (const piece of pieces) fault ??= parser.read(Buffer.from(piece, 'latin1'))
  if (closes) fault ??= parser.close()
  if (body !== undefined) told.push(`body ${body}`)
  return { told, fault, isReusable: parser.isReusable && fault === undefined }
}

const byteByByte = (text: string): string[] => text.split('')

const OK = 'HTTP/1.1 200 OK\r\n'

/** Each with what is told of it. */
const answers: Readonly<Record<string, readonly [text: string, ...told: readonly string[]]>> = {
  'of known length': [`${OK}Content-Length: 5\r\n\r\nhello`, 'begun 200 Content-Length,5', 'body hello', 'ended '],
  'without a body': [`${OK}content-length: 0\r\n\r\n`, 'begun 200 content-length,0', 'ended '],
  'in chunks': [
    `${OK}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n00a;x="y"\r\n, world!!!\r\n0\r\n\r\n`,
    ...['begun 200 ', 'body hello, world!!!', 'ended '],
  ],
  'of no chunk': [`${OK}Transfer-Encoding: chunked\r\n\r\n000\r\n\r\n`, 'begun 200 ', 'ended '],
  'with trailers': [
    `${OK}Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX-T: 1\r\nX-U: 2\r\n\r\n`,
    ...['begun 200 ', 'body a', 'ended X-T,1,X-U,2'],
  ],
  'behind informational ones': [
    `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 P\r\n\r\n${OK}Content-Length: 1\r\n\r\na`,
    ...['informed 103 Link,</a>', 'informed 102 ', 'begun 200 Content-Length,1', 'body a', 'ended '],
  ],
  'without headers': ['HTTP/1.1 204 No Content\r\n\r\n', 'begun 204 ', 'ended '],
  'that was not modified': ['HTTP/1.1 304 N\r\nContent-Length: 5\r\n\r\n', 'begun 304 Content-Length,5', 'ended '],
}

describe('the parser of answers', () => {
  for (const [name, [text, ...told]] of Object.entries(answers)) {
    it(`reads an answer ${name}, however it is cut, and nothing behind it`, () => {
      expect(read([text])).to.deep.equal({ told, fault: undefined, isReusable: true })
      expect(read(byteByByte(text))).to.deep.equal({ told, fault: undefined, isReusable: true })
      fc.assert(
        fc.property(fc.array(fc.nat(text.length)), (cuts) => {
          const at = [0, ...cuts.toSorted((a, b) => a - b), text.length]
          const pieces = at.slice(1).map((end, n) => text.slice(at[n], end))
          expect(read(pieces)).to.deep.equal({ told, fault: undefined, isReusable: true })
        }),
      )
      for (const rest of ['H', text, '\r\n', '\0']) {
        expect(read([text + rest])).to.deep.equal({ told, fault: 'something follows the answer', isReusable: false })
        expect(read([text, rest])).to.deep.include({ told, isReusable: false })
      }
    })

    it(`knows at every byte that an answer ${name} is not complete`, () => {
      for (let length = 0; length < text.length; length += 1) {
        const { told: part, fault, isReusable } = read([text.slice(0, length)], { closes: true })
        expect(fault, `${length} bytes`).to.equal('the connection was closed')
        expect(isReusable || part.some((line) => line.startsWith('ended')), `${length} bytes`).to.equal(false)
      }
    })
  }

  it('takes for a body what comes until the connection is closed, which ends it', () => {
    const text = 'HTTP/1.0 200 OK\r\n\r\nhello'
    expect(read([text])).to.deep.equal({ told: ['begun 200 ', 'body hello'], fault: undefined, isReusable: false })
    for (const pieces of [[text], byteByByte(text)]) {
      const told = ['begun 200 ', 'body hello', 'ended ']
      expect(read(pieces, { closes: true })).to.deep.equal({ told, fault: undefined, isReusable: false })
    }
  })

  it('expects no body after HEAD, whatever is announced', () => {
    for (const field of ['Content-Length: 5', 'Transfer-Encoding: chunked', 'X: y']) {
      const { told, isReusable } = read([`${OK}${field}\r\n\r\n`], { method: 'HEAD' })
      expect([told.at(-1), isReusable]).to.deep.equal(['ended ', true])
    }
  })

  it('does not use a connection again that the replica is going to close', () => {
    expect(read([`${OK}Connection: close\r\nContent-Length: 1\r\n\r\na`])).to.deep.include({ isReusable: false })
  })

  it('says what is wrong, and ends nothing that is not complete', () => {
    const chunked = `${OK}Transfer-Encoding: chunked\r\n\r\n`
    const wrong: Record<string, string> = {
      'answered 100 unasked': 'HTTP/1.1 100 Continue\r\n\r\n',
      'answered 101 unasked': 'HTTP/1.1 101 Switching Protocols\r\n\r\n',
      'the head of the answer is none': 'HTTP/1.1 200 OK\nX: y\r\n\r\n',
      'a head is too long': `${OK}X: ${'a'.repeat(70_000)}\r\n\r\n`,
      'a chunk is longer than it says': `${chunked}1\r\nab\r\n0\r\n\r\n`,
      'the trailers are none': `${chunked}0\r\nX : y\r\n\r\n`,
    }
    for (const [fault, text] of Object.entries(wrong)) {
      for (const pieces of [[text], text.match(/[^]{1,1000}/g) ?? [], [text.slice(0, -1), text.slice(-1)]]) {
        const result = read(pieces)
        expect(result.fault, text.slice(0, 80)).to.equal(fault)
        expect(result.told.some((line) => line.startsWith('ended'))).to.equal(false)
      }
    }
    for (const size of ['', 'zz', '-1', '+1', '0x1', '1 1', '1'.repeat(14), ' 1', '1;\x01', '1\n']) {
      expect(read([`${chunked}${size}\r\na\r\n`]).fault, size).to.equal('a chunk has no size')
    }
    for (const endless of [`${OK}${'X: y\r\n'.repeat(20_000)}`, `${chunked}0\r\n${'X: y\r\n'.repeat(20_000)}`]) {
      expect(read([endless]).fault).to.equal('a head is too long')
      expect(read(endless.match(/[^]{1,997}/g) ?? []).fault).to.equal('a head is too long')
    }
    expect(read([`${chunked}1;${'x'.repeat(5_000)}`]).fault).to.equal('a head is too long')
  })
})
