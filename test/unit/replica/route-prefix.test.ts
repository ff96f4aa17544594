import { expect } from 'chai'
import { withoutPrefix } from '../../../replica/route-prefix.ts'

describe('withoutPrefix', () => {
  const cases: [string, string, string][] = [
    ['/x/y?z=1', '/', '/x/y?z=1'],
    ['/v1/x', '/v1', '/x'],
    ['/v1', '/v1', '/'],
    ['/v1/', '/v1', '/'],
    ['/v1?x=1', '/v1', '/?x=1'],
    ['/%76%31/x', '/v1', '/%76%31/x'],
  ]
  for (const [url, prefix, rest] of cases) {
    it(`sees ${rest} when ${url} is asked for below ${prefix}`, () => expect(withoutPrefix(url, prefix)).to.equal(rest))
  }
})
