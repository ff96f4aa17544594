import { expect } from 'chai'
import fc from 'fast-check'
import { findRoute, isHost, longestFirst, readTarget } from '../../../proxy/match.ts'

const route = (path: string, ...prefixes: string[]): string | undefined =>
  findRoute(longestFirst(prefixes.map((prefix) => ({ prefix }))), path)?.prefix

describe('findRoute', () => {
  it('takes the longest prefix that ends at a segment boundary', () => {
    expect(route('/plain', '/', '/plain')).to.equal('/plain')
    expect(route('/plain/', '/', '/plain')).to.equal('/plain')
    expect(route('/plain/a/b', '/', '/plain', '/plain/a')).to.equal('/plain/a')
    expect(route('/plainx', '/', '/plain')).to.equal('/')
    expect(route('/plainx', '/plain')).to.equal(undefined)
    expect(route('/hello/world', '/hello', '/hello/world')).to.equal('/hello/world')
  })

  it('takes a path as it is: case, dots and double slashes matter', () => {
    expect(route('/Plain', '/plain')).to.equal(undefined)
    expect(route('/hello//world', '/hello', '/hello/world')).to.equal('/hello')
    expect(route('/hello/../x', '/hello')).to.equal('/hello')
    expect(route('//hello', '/hello')).to.equal(undefined)
  })

  it('finds exactly what a search through all prefixes finds, in whatever order they come', () => {
    const segment = fc.constantFrom('a', 'b', 'ab')
    const path = fc.array(segment, { maxLength: 4 }).map((segments) => `/${segments.join('/')}`)
    fc.assert(
      fc.property(fc.uniqueArray(path), path, (prefixes, asked) => {
        const matching = prefixes.filter((prefix) => prefix === '/' || `${asked}/`.startsWith(`${prefix}/`))
        const longest = matching.toSorted((a, b) => b.length - a.length)[0]
        expect(route(asked, ...prefixes)).to.equal(longest)
      }),
    )
  })
})

describe('readTarget', () => {
  it('keeps path and query byte for byte and decodes only the path to be matched', () => {
    const url = '//a%2Fb/%C3%BC/../?x=%41?//'
    expect(readTarget(url)).to.deep.equal({ origin: url, path: '//a/b/ü/../', authority: undefined })
  })

  it('leaves a path with malformed escapes as it is', () => {
    expect(readTarget('/%zz%41')?.path).to.equal('/%zz%41')
    expect(readTarget('/%ff')?.path).to.equal('/%ff')
  })

  it('takes the authority off an absolute URL', () => {
    expect(readTarget('http://h:1//p?q')).to.deep.equal({ origin: '//p?q', path: '//p', authority: 'h:1' })
    expect(readTarget('HTTPS://h?q/r')).to.deep.equal({ origin: '/?q/r', path: '/', authority: 'h' })
    expect(readTarget('http://h')?.origin).to.equal('/')
  })

  it('refuses everything else', () => {
    for (const url of [
      '*',
      'h:80',
      'ftp://h/',
      'http://',
      'http:///p',
      'http://u@h/',
      'http://h\\p',
      '/a b',
      '/a\tb',
      '/\0',
    ])
      expect(readTarget(url), url).to.equal(undefined)
  })
})

describe('isHost', () => {
  it('takes names and addresses with or without a port, and the empty host of a request without one', () => {
    for (const host of [
      '',
      'a',
      'a.b-c:80',
      'a:',
      '127.0.0.1:1',
      '[::1]',
      '[::ffff:1.2.3.4]:8000',
      'a%20b',
      "a!$&'()*+,;=~_",
    ])
      expect(isHost(host), host).to.equal(true)
  })

  it('takes nothing that could be read as something else, or as two', () => {
    for (const host of [
      'a, b',
      'a b',
      'u@a',
      'a/b',
      'a?',
      'a#',
      'a\\b',
      '[::1',
      '::1',
      '[x]',
      'a:8x',
      'a:1:2',
      '\u00e9',
      'a\n',
    ])
      expect(isHost(host), host).to.equal(false)
  })
})
