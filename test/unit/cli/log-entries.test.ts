import { expect } from 'chai'
import { choose, entriesOf, inOrder } from '../../../cli/log-entries.ts'

describe('the log files that are meant', () => {
  const files = [
    'controller_1.log',
    'proxy_192.0.2.2.log',
    'replica_shop_Cart_abcdefgh.log',
    'replica_shop_Cart_abcdefgh.log.1',
    'replica_shop_Till_ijklmnop.log',
    'replica_other_Cart_qrstuvwx.log',
  ]
  const chosen = (choice: object) => files.filter((file) => choose(file, choice))

  it('are all, or those of an application, a deployment or a replica', () => {
    expect(chosen({})).to.deep.equal(files)
    expect(chosen({ app: 'shop' })).to.deep.equal(files.slice(2, 5))
    expect(chosen({ deployment: 'Cart' })).to.deep.equal([files[2], files[3], files[5]])
    expect(chosen({ app: 'shop', deployment: 'Cart' })).to.deep.equal(files.slice(2, 4))
    expect(chosen({ replica: 'ijklmnop' })).to.deep.equal([files[4]])
    expect(chosen({ app: 'sho' })).to.deep.equal([])
    expect(choose('dashboard', {})).to.equal(false)
  })
})

describe('lines of several log files', () => {
  it('are shown by their times, each with what follows it', () => {
    const one = 'INFO 2026-11-25 19:00:00,002 a -- one\n  at x\nINFO 2026-11-25 19:00:00,004 a -- two\n'
    const other = 'WARNING 2026-11-25 19:00:00,001 b -- first\n{"asctime":"2026-11-25 19:00:00,003","message":"m"}\n'
    const shown = inOrder([...entriesOf(one), ...entriesOf(other)]).map(({ text }) => text)
    expect(shown).to.deep.equal([
      'WARNING 2026-11-25 19:00:00,001 b -- first',
      'INFO 2026-11-25 19:00:00,002 a -- one\n  at x',
      '{"asctime":"2026-11-25 19:00:00,003","message":"m"}',
      'INFO 2026-11-25 19:00:00,004 a -- two',
    ])
  })

  it('may begin in the middle of one', () => {
    expect(entriesOf('  at x\n')).to.deep.equal([{ time: '', text: '  at x' }])
    expect(entriesOf('')).to.deep.equal([])
  })
})
