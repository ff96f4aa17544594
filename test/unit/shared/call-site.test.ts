import { expect } from 'chai'
import { callerOf, callSiteIn } from '../../../shared/call-site.ts'

describe('a call site', () => {
  const log = () => callerOf(log)

  it('is where a function was called, and nobody notices', () => {
    const limit = Error.stackTraceLimit
    const [first, second] = [log(), log()]
    const third = log()
    expect(first).to.have.property('filename', 'call-site.test.ts')
    expect(second).to.deep.equal(first)
    expect(third?.lineno).to.equal((first?.lineno ?? 0) + 1)
    expect(Error.stackTraceLimit).to.equal(limit)
  })

  for (const [frame, filename, lineno] of [
    ['    at handler (file:///srv/my%20app/main.ts:12:5)', 'main.ts', 12],
    ['    at file:///srv/app/main.mjs:3:17', 'main.mjs', 3],
    ['    at async /srv/app/main.cjs:30:1', 'main.cjs', 30],
    ['    at new Model (C:\\app\\model.js:7:9)', 'model.js', 7],
    ['    at load (file:///srv/app/main.ts?tsx-namespace=1:5:1)', 'main.ts', 5],
    ['    at loader (with spaces.js:4:2)', 'with spaces.js', 4],
    ['    at bare.js:4:2', 'bare.js', 4],
  ] as const) {
    it(`is found in "${frame.trim()}"`, () => expect(callSiteIn(frame)).to.deep.equal({ filename, lineno }))
  }

  it('is unknown where nobody wrote it', () => {
    for (const frame of ['', 'Error: no', '    at <anonymous>', '    at Array.map (<anonymous>)', '    at native']) {
      expect(callSiteIn(frame), frame).to.equal(undefined)
    }
  })
})
