import { expect } from 'chai'
import { Statuses } from '../../../cli/statuses.ts'

const status = (proxies: number) => ({ type: 'status', proxies, applications: [] }) as const

describe('statuses', () => {
  it('are waited for, or there already', async () => {
    const statuses = new Statuses()
    const two = statuses.until(({ proxies }) => proxies === 2)
    statuses.heard(status(1))
    statuses.heard(status(2))
    expect(await two).to.deep.equal(status(2))
    expect(await statuses.until(({ proxies }) => proxies > 1)).to.deep.equal(status(2))
  })

  it('hold no more once nobody is there who says them', async () => {
    const statuses = new Statuses()
    statuses.heard(status(2))
    statuses.forget()
    const seen = statuses.until(() => true)
    expect(await seen).to.deep.equal(status(0))
  })
})
