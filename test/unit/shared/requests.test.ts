import { expect } from 'chai'
import type { Clock } from '../../../shared/clock.ts'
import { ServeError } from '../../../shared/errors.ts'
import { MAX_UNDER_WAY, OpenRequests } from '../../../shared/requests.ts'

describe('OpenRequests', () => {
  const timers = new Map<() => void, number>()
  const clock: Clock = {
    now: () => 0,
    after(delayMs, task) {
      timers.set(task, delayMs)
      return () => timers.delete(task)
    },
  }
  let requests: OpenRequests

  beforeEach(() => {
    timers.clear()
    requests = new OpenRequests(clock, () => 'the proxy')
  })

  const add = (message: unknown) => requests.add(message, 100).answer
  const nextMessages = () => {
    const messages: unknown[] = []
    for (let frame = requests.next(); frame !== undefined; frame = requests.next()) messages.push(frame.message)
    return messages
  }
  it('hands out each request once, in the order in which they were made', () => {
    for (const message of ['a', 'b', 'c']) void add(message)
    expect(nextMessages()).to.deep.equal(['a', 'b', 'c'])
    expect(nextMessages()).to.deep.equal([])
  })

  it('resolves with the answer and stops the timer', async () => {
    const { frame, answer } = requests.add('a', 100)
    requests.next()
    requests.settle({ kind: 'answer', id: frame.id, value: 42 })
    expect(await answer).to.equal(42)
    expect(timers.size).to.equal(0)
  })

  it('rejects with the error that the other side reported', async () => {
    const { frame, answer } = requests.add('a', 100)
    requests.settle({ kind: 'failure', id: frame.id, error: { code: 'deploy_failed', message: 'no', stack: 'at x' } })
    expect(await errorOf(answer)).to.include({ code: 'deploy_failed', message: 'no', userStack: 'at x' })
  })

  it('says what was not answered, by whom, within which time', async () => {
    const answer = add({ type: 'endpoints' })
    for (const [task, delayMs] of timers) if (delayMs === 100) task()
    const error = await errorOf(answer)
    expect(error.code).to.equal('channel_timeout')
    expect(error.message).to.equal("no answer to 'endpoints' from the proxy within 100 ms")
    expect(nextMessages()).to.deep.equal([])
  })

  it('drops an answer to what is not open', () => {
    requests.settle({ kind: 'answer', id: 7, value: 1 })
    requests.settle({ kind: 'failure', id: 7, error: { code: 'internal', message: '' } })
  })

  it('repeats what is under way before what still waits, and nothing that is settled', () => {
    for (const message of ['a', 'b', 'c']) void add(message)
    const first = requests.next()
    requests.next()
    requests.settle({ kind: 'answer', id: first?.id ?? 0, value: undefined })
    void add('d')
    requests.repeat()
    expect(nextMessages()).to.deep.equal(['b', 'c', 'd'])
  })

  it('has only so many under way, and goes on with the next when one is settled', () => {
    for (let count = 0; count < MAX_UNDER_WAY + 2; count++) void add(count)
    expect(nextMessages()).to.have.lengthOf(MAX_UNDER_WAY)
    requests.settle({ kind: 'answer', id: 500, value: undefined })
    expect(nextMessages()).to.deep.equal([MAX_UNDER_WAY])
    requests.repeat()
    expect(nextMessages()).to.have.lengthOf(MAX_UNDER_WAY)
  })

  it('rejects everything at the end', async () => {
    const answers = [add('a'), add('b')]
    requests.next()
    requests.rejectAll(new ServeError('channel_closed', 'over'))
    for (const answer of answers) expect(await errorOf(answer)).to.include({ code: 'channel_closed' })
    expect(timers.size).to.equal(0)
  })
})

function errorOf(answer: Promise<unknown>): Promise<ServeError> {
  return answer.then(
    () => expect.fail('it was answered'),
    (error: ServeError) => error,
  )
}
