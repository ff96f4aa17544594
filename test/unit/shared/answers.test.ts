import { expect } from 'chai'
import { AnswerMemory, answerTo } from '../../../shared/answers.ts'
import { ServeError } from '../../../shared/errors.ts'
import type { AnswerFrame } from '../../../shared/frames.ts'
import { MAX_UNDER_WAY } from '../../../shared/requests.ts'

describe('answerTo', () => {
  const request = { kind: 'request', id: 3, message: { type: 'deploy' } } as const
  const problems: string[] = []
  const problem = (text: string) => void problems.push(text)
  beforeEach(() => problems.splice(0))

  it('answers with what is returned, now or later', async () => {
    expect(await answerTo(request, () => 1, problem)).to.deep.equal({ kind: 'answer', id: 3, value: 1 })
    expect(await answerTo(request, async () => 2, problem)).to.deep.equal({ kind: 'answer', id: 3, value: 2 })
  })

  it('answers with a refusal that was thrown, which is no problem of ours', async () => {
    const refuse = () => {
      throw new ServeError('bad_option', 'no such option')
    }
    const answer = await answerTo(request, refuse, problem)
    const error = { code: 'bad_option', message: 'no such option', stack: undefined }
    expect(answer).to.deep.equal({ kind: 'failure', id: 3, error })
    expect(problems).to.deep.equal([])
  })

  it('answers with a defect, and reports it here too', async () => {
    const answer = await answerTo(request, () => Promise.reject(new TypeError('x is undefined')), problem)
    expect(answer).to.have.nested.property('error.code', 'internal')
    expect(problems).to.deep.equal(["'deploy' could not be handled: x is undefined"])
  })
})

describe('AnswerMemory', () => {
  const answer = (id: number): AnswerFrame => ({ kind: 'answer', id, value: undefined })
  let memory: AnswerMemory
  let performed: string[]
  beforeEach(() => {
    memory = new AnswerMemory()
    performed = []
  })

  const ask = (instance: string, id: number) =>
    memory.once(instance, id, async () => {
      performed.push(`${instance} ${id}`)
      return answer(id)
    })

  it('performs a request once and answers it as often as it is asked', async () => {
    expect(await ask('a', 1)).to.equal(await ask('a', 1))
    expect(performed).to.deep.equal(['a 1'])
  })

  it('lets a repeated request wait for the one that runs', async () => {
    const { promise, resolve } = deferred()
    const both = [memory.once('a', 1, () => promise), ask('a', 1)]
    resolve(answer(1))
    expect(await Promise.all(both)).to.deep.equal([answer(1), answer(1)])
    expect(performed).to.deep.equal([])
  })

  it('keeps the ids of two instances apart', async () => {
    await ask('a', 1)
    await ask('b', 1)
    expect(performed).to.deep.equal(['a 1', 'b 1'])
  })

  it('remembers as many answers as can be under way, and no more', async () => {
    for (let id = 1; id <= MAX_UNDER_WAY + 1; id++) await ask('a', id)
    performed = []
    await ask('a', 2)
    expect(performed).to.deep.equal([])
    await ask('a', 1)
    expect(performed).to.deep.equal(['a 1'])
  })

  it('never forgets what is still running, and forgets the instance that asked longest ago', async () => {
    const { promise, resolve } = deferred()
    const running = memory.once('busy', 1, () => promise)
    for (let count = 0; count < 301; count++) await ask(`instance-${count}`, 1)
    performed = []
    await ask('instance-300', 1)
    expect(performed).to.deep.equal([])
    await ask('instance-0', 1)
    expect(performed).to.deep.equal(['instance-0 1'])
    const again = ask('busy', 1)
    resolve(answer(1))
    expect(await again).to.equal(await running)
  })

  function deferred() {
    let resolve: (frame: AnswerFrame) => void = () => {}
    const promise = new Promise<AnswerFrame>((done) => {
      resolve = done
    })
    return { promise, resolve }
  }
})
