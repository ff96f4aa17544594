import { expect } from 'chai'
import { checkName, checkRoutePrefix } from '../../../shared/checks.ts'
import { isSupported } from '../../../cli/node-version.ts'

describe('checkRoutePrefix', () => {
  it('takes / and paths', () => {
    for (const prefix of ['/', '/v1', '/v1/models']) expect(checkRoutePrefix(prefix)).to.equal(undefined)
  })

  it("refuses others in Ray's words", () => {
    expect(checkRoutePrefix('x')).to.equal("Invalid route_prefix 'x', must start with a forward slash ('/').")
    expect(checkRoutePrefix('/x/')).to.equal("Invalid route_prefix '/x/', may not end with a trailing '/'.")
    expect(checkRoutePrefix('/x/{a}')).to.equal("Invalid route_prefix '/x/{a}', may not contain wildcards.")
  })
})

describe('checkName', () => {
  it('takes names and refuses the empty one, and what ids cannot carry', () => {
    expect(checkName('shop')).to.equal(undefined)
    expect(checkName('')).to.equal('Application name must a non-empty string.')
    expect(checkName('a#b')).to.match(/without '#'/)
  })
})

describe('isSupported', () => {
  it('starts at 20.19', () => {
    for (const version of ['20.19.0', '20.20.2', '22.0.0', '24.1.0'])
      expect(isSupported(version), version).to.equal(true)
    for (const version of ['20.18.3', '18.20.0', '16.0.0']) expect(isSupported(version), version).to.equal(false)
  })
})
