import { Readable } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import { expect } from 'chai'
import { Upload } from '../../../proxy/upload.ts'

const KIB = 1024

function bodyOf(...chunks: readonly (string | Buffer)[]): { request: Readable; upload: Upload } {
  const request = Readable.from(chunks.map((chunk) => Buffer.from(chunk)))
  return { request, upload: new Upload(request, chunks.length === 0 ? 'none' : 'length') }
}

async function textOf(body: Readable | Buffer | null): Promise<string> {
  return body instanceof Readable ? Buffer.concat(await body.toArray()).toString() : String(body ?? '')
}

function streamOf(upload: Upload): Readable {
  const body = upload.open()
  if (!(body instanceof Readable)) throw new Error('the body is not a stream')
  return body
}

describe('an upload', () => {
  it('can be sent again as long as every byte is kept', async () => {
    const { upload } = bodyOf('a', 'b', 'c')
    expect(await textOf(upload.open())).to.equal('abc')
    expect([await textOf(upload.open()), upload.isWhole]).to.deep.equal(['abc', true])
  })

  it('goes on from where it was when a first attempt has taken a part', async () => {
    const request = new Readable({ read() {} })
    const upload = new Upload(request, 'chunked')
    const first = streamOf(upload)
    request.push('a')
    first.read()
    await setImmediate()
    const second = textOf(upload.open())
    request.push('b')
    request.push(null)
    expect(await second).to.equal('ab')
  })

  it('of nothing is empty every time', async () => {
    const { upload } = bodyOf()
    expect([await textOf(upload.open()), await textOf(upload.open()), upload.isWhole]).to.deep.equal(['', '', true])
  })

  it('that has arrived with its head is sent in one piece and one write, whatever its framing', async () => {
    for (const framing of ['length', 'chunked'] as const) {
      const request = Object.assign(new Readable({ read() {} }), { complete: true })
      for (const part of ['a', 'b', null]) request.push(part)
      const upload = new Upload(request, framing)
      for (let attempt = 0; attempt < 2; attempt += 1) expect(upload.open()).to.deep.equal(Buffer.from('ab'))
      expect([upload.isOneWrite, upload.isWhole]).to.deep.equal([true, true])
      await setImmediate()
      expect(request.readableEnded).to.equal(true)
    }
  })

  it('is sent in one piece when it has been kept to its end', async () => {
    const { upload } = bodyOf('a', 'b')
    expect(await textOf(streamOf(upload))).to.equal('ab')
    expect(upload.open()).to.deep.equal(Buffer.from('ab'))
  })

  it('is not kept above a mebibyte, nor in so many small chunks that keeping them costs as much', async () => {
    const large = bodyOf(Buffer.alloc(1000 * KIB), Buffer.alloc(20 * KIB))
    await textOf(large.upload.open())
    expect(large.upload.isWhole).to.equal(true)
    const larger = bodyOf(Buffer.alloc(1000 * KIB), Buffer.alloc(24 * KIB))
    await textOf(larger.upload.open())
    expect(larger.upload.isWhole).to.equal(false)
    const tiny = bodyOf(...Array.from({ length: 5000 }, () => 'x'))
    expect([(await textOf(tiny.upload.open())).length, tiny.upload.isWhole]).to.deep.equal([5000, false])
  })

  it('is not kept once it has been answered', async () => {
    const { upload } = bodyOf('a', 'b')
    const stream = upload.open()
    upload.commit()
    expect([await textOf(stream), upload.isWhole]).to.deep.equal(['ab', false])
  })

  it('leaves in one write while it is a single small chunk', async () => {
    const one = bodyOf('a')
    await textOf(one.upload.open())
    expect(one.upload.isOneWrite).to.equal(true)
    const chunked = new Upload(Readable.from([Buffer.from('a')]), 'chunked')
    await textOf(chunked.open())
    expect(chunked.isOneWrite).to.equal(false)
    for (const { upload } of [bodyOf('a', 'b'), bodyOf(Buffer.alloc(17 * KIB))]) {
      await textOf(upload.open())
      expect(upload.isOneWrite).to.equal(false)
    }
  })

  it('is read to its end when nobody wants it', async () => {
    const { request, upload } = bodyOf('a', 'b')
    upload.open()
    upload.discard()
    await setImmediate()
    expect(request.readableEnded).to.equal(true)
  })

  it('is not read faster than it is taken', async () => {
    const { request, upload } = bodyOf(...Array.from({ length: 100 }, () => Buffer.alloc(64 * KIB)))
    streamOf(upload).read(1)
    await setImmediate()
    await setImmediate()
    expect(request.readableEnded).to.equal(false)
  })
})
