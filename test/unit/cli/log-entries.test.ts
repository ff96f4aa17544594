import { expect } from 'chai'
import { choose, entriesOf, inOrder, logFileOf } from '../../../cli/log-entries.ts'

describe('a log file', () => {
  it('says by its name whose it is, and how old', () => {
    expect(logFileOf('controller_1.log')).to.deep.equal({ stem: 'controller_1', age: 0 })
    expect(logFileOf('replica_a_B_abcdefgh.log.10')).to.deep.equal({ stem: 'replica_a_B_abcdefgh', age: 10 })
    expect(logFileOf('dashboard')).to.equal(undefined)
  })
})

describe('the processes whose logs are meant', () => {
  const stems = [
    'controller_1',
    'proxy_192.0.2.2',
    'replica_shop_Cart_abcdefgh',
    'replica_shop_Till_ijklmnop',
    'replica_other_Cart_qrstuvwx',
  ]
  const chosen = (choice: object) => stems.filter((stem) => choose(stem, choice, []))

  it('are all, or those of an application, a deployment or a replica', () => {
    expect(chosen({})).to.deep.equal(stems)
    expect(chosen({ app: 'shop' })).to.deep.equal(stems.slice(2, 4))
    expect(chosen({ deployment: 'Cart' })).to.deep.equal([stems[2], stems[4]])
    expect(chosen({ app: 'shop', deployment: 'Cart' })).to.deep.equal([stems[2]])
    expect(chosen({ replica: 'ijklmnop' })).to.deep.equal([stems[3]])
    expect(chosen({ app: 'sho' })).to.deep.equal([])
    expect(chosen({ app: 'shop_Cart' })).to.deep.equal([])
  })

  it('are told by what deployments there are, where the name of a file could mean several', () => {
    const stem = 'replica_a_b_Dep_abcdefgh'
    expect(choose(stem, { app: 'a' }, ['a_b:Dep', 'a:Other'])).to.equal(false)
    expect(choose(stem, { app: 'a_b' }, ['a_b:Dep', 'a:Other'])).to.equal(true)
    expect(choose(stem, { app: 'a' }, ['a:b_Dep'])).to.equal(true)
    expect(choose(stem, { app: 'a_b' }, ['a:b_Dep'])).to.equal(false)
    expect(choose(stem, { deployment: 'Dep' }, ['a:b_Dep'])).to.equal(false)
    expect(choose(stem, { app: 'a', deployment: 'Dep' }, [])).to.equal(false)
    for (const app of ['a', 'a_b']) {
      expect(choose(stem, { app }, ['a:b_Dep', 'a_b:Dep'])).to.equal(true)
      expect(choose(stem, { app }, [])).to.equal(true)
    }
    expect(choose('replica_caf__Dep_abcdefgh', { app: 'café' }, ['café:Dep'])).to.equal(true)
    expect(choose('replica_caf__Dep_abcdefgh', { app: 'café' }, [])).to.equal(true)
  })
})

describe('lines of several log files', () => {
  const shown = (...processes: string[][]) => [...inOrder(processes.map(entriesOf))].map(({ text }) => text)

  it('are shown by their times, each with what follows it', () => {
    const one = ['INFO 2026-11-25 19:00:00,002 a -- one\n', '  at x\nINFO 2026-11-25 19:00:00,004 a -- two\n']
    const other = ['WARNING 2026-11-25 19:00:00,001 b -- first\n{"asctime":"2026-11-25 19:00:00,003","message":"m"}\n']
    expect(shown(one, other)).to.deep.equal([
      'WARNING 2026-11-25 19:00:00,001 b -- first',
      'INFO 2026-11-25 19:00:00,002 a -- one\n  at x',
      '{"asctime":"2026-11-25 19:00:00,003","message":"m"}',
      'INFO 2026-11-25 19:00:00,004 a -- two',
    ])
  })

  it('stay in the order of their files where they are of one time', () => {
    const line = (name: string) => `INFO 2026-11-25 19:00:00,002 ${name} -- x`
    const processes = ['a', 'b', 'c'].map((name) => [`${line(name)}\n${line(name)}\n`])
    expect(shown(...processes)).to.deep.equal(['a', 'a', 'b', 'b', 'c', 'c'].map(line))
  })

  it('may begin in the middle of one, which is not taken for the end of another file', () => {
    const one = ['INFO 2026-11-25 19:00:00,002 a -- one\n']
    expect(shown(one, ['  at x\n'])).to.deep.equal(['  at x', 'INFO 2026-11-25 19:00:00,002 a -- one'])
    expect(shown([])).to.deep.equal([])
  })
})
