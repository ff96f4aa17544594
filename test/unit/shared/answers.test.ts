import { expect } from 'chai'
import { AnswerMemory, answerTo } from '../../../shared/answers.ts'
import { ServeError } from '../../../shared/errors.ts'
import type { AnswerFrame } from '../../../shared/frames.ts'
import { MAX_UNDER_WAY } from '../../../shared/requests.ts'

describe('answerTo', () => {
  const refusal = new ServeError('bad_option', 'no such option')
  const request = { kind: 'request', id: 3, message: { type: 'deploy' } } as const
  const problems: string[] = []
  const problem = (text: string) => void problems.push(text)
  beforeEach(() => problems.splice(0))

  it('answers with what is returned, now or later', async () => {
    expect(await answerTo(request, () => 1, problem)).to.deep.equal({ kind: 'answer', id: 3, value: 1 })
    expect(await answerTo(request, async () => 2, problem)).to.deep.equal({ kind: 'answer', id: 3, value: 2 })
  })

  it('answers with a refusal that was thrown, which is no problem of ours', async () => {
    const answer = await answerTo(request, () => Promise.reject(refusal), problem)
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
  let memory: AnswerMemory
  let performed: string[]
  beforeEach(() => {
    memory = new AnswerMemory()
    performed = []
  })

  const ask = (instance: string, id: number) =>
    memory.once(instance, id, async () => {
      performed.push(`${instance} ${id}`)
      return answered(id)
    })

  it('performs a request once and answers it as often as it is asked', async () => {
    expect(await ask('a', 1)).to.equal(await ask('a', 1))
    expect(performed).to.deep.equal(['a 1'])
  })

  it('lets a repeated request wait for the one that runs', async () => {
    const both = await Promise.all([ask('a', 1), ask('a', 1)])
    expect(both).to.deep.equal([answered(1), answered(1)])
    expect(performed).to.deep.equal(['a 1'])
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

  it('forgets the instances that asked longest ago', async () => {
    for (let count = 0; count < 300; count++) await ask(`instance-${count}`, 1)
    await ask('instance-0', 2)
    await ask('one more', 1)
    performed = []
    await ask('instance-0', 1)
    await ask('instance-2', 1)
    expect(performed).to.deep.equal([])
    await ask('instance-1', 1)
    expect(performed).to.deep.equal(['instance-1 1'])
  })

  it('never forgets what is still running', async () => {
    void memory.once('busy', 1, () => new Promise(() => {}))
    for (let count = 0; count < 301; count++) await ask(`instance-${count}`, 1)
    performed = []
    void ask('busy', 1)
    expect(performed).to.deep.equal([])
  })
})

function answered(id: number): AnswerFrame {
  return { kind: 'answer', id, value: undefined }
}
