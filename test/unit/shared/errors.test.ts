import { expect } from 'chai'
import { messageOf, report, ServeError } from '../../../shared/errors.ts'

describe('messageOf', () => {
  it('knows what to say of whatever is thrown', () => {
    const circular: Record<string, unknown> = {}
    circular['self'] = circular
    const thrown = [
      new Error('no model'),
      'broken',
      null,
      Symbol('s'),
      { why: 'no model' },
      Object.create(null),
      circular,
    ]
    const said = ['no model', 'broken', 'null', 'Symbol(s)', '{"why":"no model"}', '{}', '[object Object]']
    expect(thrown.map(messageOf)).to.deep.equal(said)
  })

  it('says what an error carries that is no text', () => {
    expect(messageOf(Object.assign(new Error('x'), { message: { why: 'no model' } }))).to.equal('{"why":"no model"}')
  })
})

describe('report', () => {
  it('keeps the beginning of a long text, so that nobody refuses it', () => {
    const long = `no model ${'x'.repeat(1_000_000)}`
    for (const error of [new Error(long), new ServeError('unhealthy', long, { userStack: long })]) {
      const { message, stack = '' } = report(error)
      expect(message).to.match(/^no model x+… \(\d+ more characters\)$/)
      expect(message.length + stack.length).to.be.below(20_000)
    }
  })
})
