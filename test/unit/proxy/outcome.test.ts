import { expect } from 'chai'
import { mayRetry, outcomeOf, type Sent, type Tried } from '../../../proxy/outcome.ts'

const tried = (changes: Partial<Tried> = {}): Tried => ({
  method: 'POST',
  hasIdempotencyKey: false,
  replayable: true,
  refused: 0,
  broken: 0,
  ...changes,
})

describe('mayRetry', () => {
  const refused = { type: 'refused', reason: '' } as const
  const broken = { type: 'broken', reason: '' } as const

  it('allows any method another replica when nothing was executed, ten times in all', () => {
    expect(mayRetry(refused, tried({ refused: 1 }))).to.equal('yes')
    expect(mayRetry(refused, tried({ refused: 9, broken: 1 }))).to.equal('yes')
    expect(mayRetry(refused, tried({ refused: 10 }))).to.equal('no')
  })

  it('allows it without limit where replicas are busy or leaving', () => {
    for (const type of ['busy', 'draining'] as const) {
      expect(mayRetry({ type }, tried({ refused: 10, broken: 2 }))).to.equal('yes')
      expect(mayRetry({ type }, tried({ replayable: false }))).to.equal('no')
    }
  })

  it('allows once what may have been executed, if the method is idempotent or has a key', () => {
    for (const method of ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'TRACE']) {
      expect(mayRetry(broken, tried({ method, broken: 1 })), method).to.equal('within budget')
      expect(mayRetry(broken, tried({ method, broken: 2 })), method).to.equal('no')
    }
    for (const method of ['POST', 'PATCH', 'get', 'LOCK']) {
      expect(mayRetry(broken, tried({ method, broken: 1 })), method).to.equal('no')
      expect(mayRetry(broken, tried({ method, broken: 1, hasIdempotencyKey: true })), method).to.equal('within budget')
    }
  })

  it('allows nothing whose body cannot be sent again', () => {
    expect(mayRetry(refused, tried({ replayable: false }))).to.equal('no')
    expect(mayRetry(broken, tried({ method: 'PUT', broken: 1, replayable: false }))).to.equal('no')
  })

  it('allows nothing after the first byte of an answer, for a client that has left, or for what cannot be sent', () => {
    const reason = ''
    const final = [
      { type: 'answered', status: 200, headMs: 1 },
      { type: 'aborted' },
      { type: 'cut', reason },
      { type: 'unsendable', reason },
    ] as const
    for (const outcome of final) expect(mayRetry(outcome, tried({ method: 'GET' })), outcome.type).to.equal('no')
  })
})

describe('outcomeOf an error before the answer', () => {
  const typeOf = (code: string, syscall: string | undefined, sent: Sent = 'in one write'): string =>
    outcomeOf({ message: 'socket hang up', code, syscall }, sent).type

  it('is refused when connecting failed, however large the body', () => {
    for (const code of ['ECONNREFUSED', 'ENOENT', 'EAGAIN', 'EACCES']) {
      expect(typeOf(code, 'connect', 'in parts'), code).to.equal('refused')
    }
  })

  it('is refused when the kernel says that what was written has not been read', () => {
    expect(typeOf('EPIPE', 'write')).to.equal('refused')
    expect(typeOf('ECONNRESET', 'read')).to.equal('refused')
    expect(typeOf('EPIPE', 'write', 'in parts')).to.equal('broken')
    expect(typeOf('ECONNRESET', 'read', 'in parts')).to.equal('broken')
  })

  it('is refused when nothing had been sent', () => {
    for (const syscall of ['read', 'write', undefined]) expect(typeOf('X', syscall, 'nothing')).to.equal('refused')
  })

  it('is broken when the connection ended or the answer made no sense', () => {
    expect(typeOf('ECONNRESET', undefined)).to.equal('broken')
    expect(typeOf('HPE_INVALID_CONSTANT', undefined)).to.equal('broken')
    expect(typeOf('ETIMEDOUT', 'read')).to.equal('broken')
  })
})
