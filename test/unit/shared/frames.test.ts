import { expect } from 'chai'
import fc from 'fast-check'
import { type Frame, nameOf, oneLine, readFrame, versionMismatch } from '../../../shared/frames.ts'
import { PROTOCOL } from '../../../shared/protocol.ts'

describe('readFrame', () => {
  const error = { code: 'internal', message: 'it broke', stack: undefined } as const
  const frames: Frame[] = [
    { kind: 'hello', instance: 'one', hello: { protocol: 1 } },
    { kind: 'welcome' },
    { kind: 'refusal', error },
    { kind: 'request', id: 1, message: { type: 'x' } },
    { kind: 'answer', id: 1, value: [null, ''] },
    { kind: 'failure', id: 1, error: { ...error, stack: 'Error: it broke\n    at x' } },
  ]
  for (const frame of frames) {
    it(`gives back a ${frame.kind} as it was sent`, () => {
      expect(readFrame(JSON.parse(JSON.stringify(frame)))).to.deep.equal(frame)
    })
  }

  const wrong: Record<string, unknown> = {
    'no object': 'hello',
    null: null,
    'an array': [{ kind: 'welcome' }],
    'an unknown kind': { kind: 'toString' },
    'a request without an id': { kind: 'request', message: 1 },
    'a request whose id is no whole number': { kind: 'request', id: 1.5 },
    'a request whose id is a text': { kind: 'request', id: '1' },
    'an answer to nothing': { kind: 'answer', id: 0 },
    'a hello without an instance': { kind: 'hello', hello: {} },
    'a hello with an endless instance': { kind: 'hello', instance: 'x'.repeat(65) },
    'a failure without an error': { kind: 'failure', id: 1 },
    'a failure with an unknown code': { kind: 'failure', id: 1, error: { code: 'toString', message: '' } },
    'a refusal without a text': { kind: 'refusal', error: { code: 'internal' } },
  }
  for (const [name, raw] of Object.entries(wrong)) {
    it(`takes ${name} for no frame`, () => {
      expect(readFrame(raw)).to.equal(undefined)
    })
  }

  it('throws at nothing that JSON can hold', () => {
    const kind = fc.constantFrom('hello', 'welcome', 'refusal', 'request', 'answer', 'failure', '__proto__')
    const keys = { kind, id: fc.jsonValue(), instance: fc.jsonValue(), error: fc.jsonValue() }
    fc.assert(fc.property(fc.record(keys, { requiredKeys: [] }), (raw) => void readFrame(raw)))
  })
})

describe('versionMismatch', () => {
  it('says nothing to a process of the same protocol, whatever its version', () => {
    expect(versionMismatch({ protocol: PROTOCOL, version: '9.9.9' }, '0.1.0')).to.equal(undefined)
  })

  it('tells another protocol what speaks what, and what to do', () => {
    expect(versionMismatch({ protocol: 7, version: '0.7.0' }, '0.1.0')).to.equal(
      `this process speaks protocol 7 of batoid 0.7.0, the controller protocol ${PROTOCOL} of batoid 0.1.0: ` +
        'stop the cluster and start it again with one version',
    )
  })

  it('leaves a hello without a protocol to the check of hellos', () => {
    for (const hello of [null, 'hello', {}, { protocol: '1' }]) expect(versionMismatch(hello, '1')).to.equal(undefined)
  })
})

describe('oneLine', () => {
  it('escapes what breaks a line, drives a terminal, or turns its direction', () => {
    expect(oneLine('a\nb\u001b[31m\u0085\u2028\u202e')).to.equal('a\\u{a}b\\u{1b}[31m\\u{85}\\u{2028}\\u{202e}')
  })

  it('leaves readable text as it is', () => {
    expect(oneLine('größer als 1 µs – 東京 🐟')).to.equal('größer als 1 µs – 東京 🐟')
  })

  it('cuts off an endless text', () => {
    expect(oneLine('x'.repeat(1_000_000))).to.have.lengthOf(1001)
  })
})

describe('nameOf', () => {
  it('calls a message by its type', () => {
    expect(nameOf({ type: 'deploy' })).to.equal("'deploy'")
  })

  it('has a word for what has no type', () => {
    for (const message of [undefined, null, 1, {}, { type: 1 }]) expect(nameOf(message)).to.equal('a message')
  })
})
