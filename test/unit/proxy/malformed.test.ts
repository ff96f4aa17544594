import { expect } from 'chai'
import * as answers from '../../../proxy/answers.ts'
import { answerTo, showAnswer } from '../../../proxy/malformed.ts'

const overflow = (text: string, bytesParsed = text.length) =>
  answerTo({ code: 'HPE_HEADER_OVERFLOW', rawPacket: Buffer.from(text), bytesParsed })

describe('the answer to what is no request', () => {
  it('is 400 for what cannot be parsed, 408 for what is late, none where there is nobody to answer', () => {
    expect(answerTo({ code: 'HPE_INVALID_METHOD' })).to.equal(answers.malformed)
    expect(answerTo({ code: 'ERR_HTTP_REQUEST_TIMEOUT' })).to.equal(answers.lateHead)
    expect(answerTo({ code: 'HPE_CHUNK_EXTENSIONS_OVERFLOW' })).to.equal(answers.longChunkExtensions)
    for (const code of ['ECONNRESET', 'EPIPE', 'ERR_SSL_HTTP_REQUEST', undefined])
      expect(answerTo({ code }), code).to.equal(undefined)
  })

  it('is 414 when it was too long already in its first line, also in that of a later request', () => {
    const next = ' HTTP/1.1\r\nHost: a\r\n\r\n'
    expect(overflow(`GET /aaa${next}`, 'GET /aaa'.length)).to.equal(answers.longTarget)
    expect(overflow(`GET / HTTP/1.1\r\nHost: a\r\n\r\nM-SEARCH /aaa`)).to.equal(answers.longTarget)
  })

  it('is 431 when it was too long in its headers, or that cannot be told', () => {
    expect(overflow('GET / HTTP/1.1\r\nX: aaa')).to.equal(answers.longHeaders)
    expect(overflow('aaaa')).to.equal(answers.longHeaders)
    expect(overflow('')).to.equal(answers.longHeaders)
    expect(answerTo({ code: 'HPE_HEADER_OVERFLOW' })).to.equal(answers.longHeaders)
  })

  it('goes over the wire with its length and an id', () => {
    const answer = { status: 414, body: 'Long.', headers: { connection: 'close' } }
    expect(showAnswer(answer, 'URI Too Long', 'id-1')).to.equal(
      'HTTP/1.1 414 URI Too Long\r\nconnection: close\r\ncontent-length: 5\r\nx-request-id: id-1\r\n\r\nLong.',
    )
  })
})
