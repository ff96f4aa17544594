import { Readable } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import { expect } from 'chai'
import { Upload } from '../../../proxy/upload.ts'

const KIB = 1024

function bodyOf(...chunks: readonly (string | Buffer)[]): { request: Readable; upload: Upload } {
  const request = Readable.from(chunks.map((chunk) => Buffer.from(chunk)))
  return { request, upload: new Upload(request, chunks.length === 0 ? 'none' : 'length') }
}

/** What goes to a replica, to its end. */
function textOf(upload: Upload): Promise<string> {
  const body = upload.open()
  if (body !== 'stream') return Promise.resolve(String(body ?? ''))
  return new Promise((resolve) => {
    let text = ''
    upload.flow({
      push: (chunk) => {
        text += String(chunk)
        return true
      },
      end: () => resolve(text),
    })
  })
}

describe('an upload', () => {
  it('can be sent again as long as every byte is kept', async () => {
    const { upload } = bodyOf('a', 'b', 'c')
    expect(await textOf(upload)).to.equal('abc')
    expect([await textOf(upload), upload.isWhole]).to.deep.equal(['abc', true])
  })

  it('goes on from where it was when a first attempt has taken a part', async () => {
    const request = new Readable({ read() {} })
    const upload = new Upload(request, 'chunked')
    const first: string[] = []
    expect(upload.open()).to.equal('stream')
    upload.flow({ push: (chunk) => first.push(String(chunk)) > 0, end: () => first.push('end') })
    request.push('a')
    await setImmediate()
    const second = textOf(upload)
    request.push('b')
    request.push(null)
    expect(await second).to.equal('ab')
    expect(first).to.deep.equal(['a'])
  })

  it('of nothing is empty every time', async () => {
    const { upload } = bodyOf()
    expect([await textOf(upload), await textOf(upload), upload.isWhole]).to.deep.equal(['', '', true])
  })

  it('that has arrived with its head is sent in one piece, whatever its framing', async () => {
    for (const framing of ['length', 'chunked'] as const) {
      const request = Object.assign(new Readable({ read() {} }), { complete: true })
      for (const part of ['a', 'b', null]) request.push(part)
      const upload = new Upload(request, framing)
      for (let attempt = 0; attempt < 2; attempt += 1) expect(upload.open()).to.deep.equal(Buffer.from('ab'))
      expect(upload.isWhole).to.equal(true)
      await setImmediate()
      expect(request.readableEnded).to.equal(true)
    }
  })

  it('is sent in one piece when it has been kept to its end', async () => {
    const { upload } = bodyOf('a', 'b')
    expect(await textOf(upload)).to.equal('ab')
    expect(upload.open()).to.deep.equal(Buffer.from('ab'))
  })

  it('is not kept above a mebibyte, nor in so many small chunks that keeping them costs as much', async () => {
    const large = bodyOf(Buffer.alloc(1000 * KIB), Buffer.alloc(20 * KIB))
    await textOf(large.upload)
    expect(large.upload.isWhole).to.equal(true)
    const larger = bodyOf(Buffer.alloc(1000 * KIB), Buffer.alloc(24 * KIB))
    await textOf(larger.upload)
    expect(larger.upload.isWhole).to.equal(false)
    const tiny = bodyOf(...Array.from({ length: 5000 }, () => 'x'))
    expect([(await textOf(tiny.upload)).length, tiny.upload.isWhole]).to.deep.equal([5000, false])
  })

  it('is not kept once it has been answered', async () => {
    const { upload } = bodyOf('a', 'b')
    const text = textOf(upload)
    upload.commit()
    expect([await text, upload.isWhole]).to.deep.equal(['ab', false])
  })

  it('is read to its end when nobody wants it', async () => {
    const { request, upload } = bodyOf('a', 'b')
    upload.open()
    upload.discard()
    await setImmediate()
    expect(request.readableEnded).to.equal(true)
  })

  it('is read to its end when nobody wants the rest, also after it was held up', async () => {
    const { request, upload } = bodyOf(...Array.from({ length: 20 }, () => Buffer.alloc(64 * KIB)))
    upload.open()
    upload.flow({ push: () => false, end: () => {} })
    await setImmediate()
    upload.discard()
    for (let turn = 0; turn < 40; turn += 1) await setImmediate()
    expect(request.readableEnded).to.equal(true)
  })

  it('is read no faster than it is taken, but for what is kept: that its client leaves has to be seen', async () => {
    const { request, upload } = bodyOf(...Array.from({ length: 20 }, () => Buffer.alloc(64 * KIB)))
    let [pushed, ended] = [0, false]
    expect(upload.open()).to.equal('stream')
    upload.flow({
      push: () => {
        pushed += 1
        return false
      },
      end: () => {
        ended = true
      },
    })
    for (let most = 15; most <= 20; most += 1) {
      for (let turn = 0; turn < 20; turn += 1) await setImmediate()
      expect(pushed).to.equal(most)
      upload.resume()
    }
    await setImmediate()
    expect([ended, request.readableEnded]).to.deep.equal([true, true])
  })

  it('of which nothing may be kept any more is not read faster than it is taken', async () => {
    const { upload } = bodyOf('a', 'b', 'c')
    let pushed = 0
    expect(upload.open()).to.equal('stream')
    upload.flow({
      push: () => {
        pushed += 1
        upload.commit()
        return false
      },
      end: () => {},
    })
    for (let turn = 0; turn < 20; turn += 1) await setImmediate()
    expect(pushed).to.equal(1)
  })
})
