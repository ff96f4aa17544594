import { expect } from 'chai'
import { withoutPrefix } from '../../../replica/route-prefix.ts'

describe('withoutPrefix', () => {
  const cases: [string, string, string][] = [
    ['/x/y?z=1', '/', '/x/y?z=1'],
    ['/v1/x', '/v1', '/x'],
    ['/v1', '/v1', '/'],
    ['/v1/', '/v1', '/'],
    ['/v1?x=1', '/v1', '/?x=1'],
    ['/%76%31/x', '/v1', '/x'],
    ['/v1%2fx', '/v1', '/x'],
    ['/%C3%A9t%c3%a9/%41', '/été', '/%41'],
    ['/100%/x', '/100%', '/x'],
  ]
  for (const [url, prefix, rest] of cases) {
    it(`sees ${rest} when ${url} is asked for below ${prefix}`, () => expect(withoutPrefix(url, prefix)).to.equal(rest))
  }
})
