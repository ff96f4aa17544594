import { expect } from 'chai'
import fc from 'fast-check'
import { closeFrame, FrameReader } from '../../../proxy/close-frame.ts'
import { frame } from '../../helpers/websocket.ts'

function read(chunks: readonly Uint8Array[]): { codes: number[]; isBetweenFrames: boolean } {
  const codes: number[] = []
  const reader = new FrameReader((code) => codes.push(code))
  for (const chunk of chunks) reader.read(chunk)
  return { codes, isBetweenFrames: reader.isBetweenFrames }
}

/** Cuts at the given places, in whatever order they are. */
function pieces(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length]
  return places.slice(1).map((to, n) => bytes.subarray(places[n] ?? 0, to))
}

const side = fc.constantFrom('client' as const, 'server' as const)
const payload = fc
  .oneof(fc.nat(130), fc.constantFrom(125, 126, 65_535, 65_536, 70_000))
  .map((n) => Buffer.alloc(n, 'x'))
const frames = fc.array(fc.tuple(fc.constantFrom(0, 1, 2, 9, 10), payload), { maxLength: 5 })
const cuts = fc.array(fc.nat(), { maxLength: 8 })

describe('a reader of frames', () => {
  it('finds the code of the Close frame behind any frames, however they are cut into chunks', () => {
    fc.assert(
      fc.property(frames, cuts, side, fc.integer({ min: 1000, max: 4999 }), (before, places, from, code) => {
        const bytes = [...before.map(([opcode, body]) => frame(opcode, body, from)), closeFrame(code, from)]
        expect(read(pieces(Buffer.concat(bytes), places)).codes).to.deep.equal([code])
      }),
    )
  })

  it('knows after every byte whether a frame has ended', () => {
    const whole = Buffer.concat([frame(1, 'hello'), frame(2, ''), frame(1, Buffer.alloc(300))])
    const ends = [frame(1, 'hello').length, frame(1, 'hello').length + frame(2, '').length, whole.length]
    for (let length = 0; length <= whole.length; length += 1) {
      const { isBetweenFrames } = read([whole.subarray(0, length)])
      expect(isBetweenFrames, String(length)).to.equal(length === 0 || ends.includes(length))
    }
  })

  it('takes off the mask', () => {
    const mask = [0x12, 0x34, 0x56, 0x78]
    const masked = Buffer.from([0x88, 0x82, ...mask, 0x03 ^ 0x12, 0xe9 ^ 0x34])
    expect(read([masked]).codes).to.deep.equal([1001])
  })

  it('reads a Close frame with a reason, and one without a code', () => {
    expect(read([frame(8, Buffer.from([0x0f, 0xa1, ...Buffer.from('bye')]))]).codes).to.deep.equal([4001])
    expect(read([frame(8, '', 'server')]).codes).to.deep.equal([1005])
    expect(read([frame(8, 'x')]).codes).to.deep.equal([1005])
  })

  it('looks no further than the first Close frame, behind which none may be put', () => {
    expect(read([closeFrame(1000, 'client'), closeFrame(1001, 'client')])).to.deep.equal({
      codes: [1000],
      isBetweenFrames: false,
    })
  })

  it('survives anything', () => {
    fc.assert(fc.property(fc.array(fc.uint8Array({ maxLength: 50 })), (chunks) => void read(chunks)))
  })
})

describe('a Close frame', () => {
  it('is masked where a client sends it', () => {
    expect([...closeFrame(1012, 'server')]).to.deep.equal([0x88, 0x02, 0x03, 0xf4])
    expect([...closeFrame(1012, 'client')]).to.deep.equal([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xf4])
  })
})
