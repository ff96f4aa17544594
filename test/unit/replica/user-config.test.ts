import { expect } from 'chai'
import { UserConfig } from '../../../replica/user-config.ts'

describe('the config of user code', () => {
  /** Hands each config over, which is through with once it is told. */
  function handing() {
    const handed: unknown[] = []
    const ends: { resolve(): void; reject(error: Error): void }[] = []
    const config = new UserConfig('first')
    const give = (next: unknown) =>
      config.give(next, () => {
        handed.push(next)
        return new Promise((resolve, reject) => ends.push({ resolve, reject }))
      })
    return { handed, ends, give }
  }
  const outcome = (given: Promise<void>) =>
    given.then(
      () => 'taken',
      ({ message }: Error) => message,
    )

  it('is not handed over twice', async () => {
    const { handed, ends, give } = handing()
    await give('first')
    const second = give('second')
    ends[0]!.resolve()
    await second
    await give('second')
    expect(handed).to.deep.equal(['second'])
  })

  it('is the last one that was handed over, also if one before it is through with later', async () => {
    const { handed, ends, give } = handing()
    const [slow, last] = [outcome(give('slow')), outcome(give('last'))]
    ends[1]!.resolve()
    ends[0]!.resolve()
    expect([await slow, await last]).to.deep.equal(['a later config was handed over meanwhile', 'taken'])
    await give('last')
    expect(handed).to.deep.equal(['slow', 'last'])
  })

  it('is handed over again where one was not through with, or refused, in between', async () => {
    const { handed, ends, give } = handing()
    const bad = outcome(give('bad'))
    const back = give('first')
    ends[1]!.resolve()
    await back
    ends[0]!.reject(new Error('no such model'))
    expect(await bad).to.equal('no such model')
    const worse = outcome(give('worse'))
    ends[2]!.reject(new Error('none at all'))
    await worse
    void give('first')
    expect(handed).to.deep.equal(['bad', 'first', 'worse', 'first'])
  })
})
