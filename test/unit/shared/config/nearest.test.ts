import { expect } from 'chai'
import { nearest } from '../../../../shared/config/nearest.ts'

const words = ['route_prefix', 'runtime_env', 'import_path', 'name']

describe('nearest', () => {
  it('finds what was mistyped, or written in another way', () => {
    expect(nearest('route_prefx', words)).to.equal('route_prefix')
    expect(nearest('routePrefix', words)).to.equal('route_prefix')
    expect(nearest('def', ['default', 'shop'])).to.equal('default')
    expect(nearest('de', ['default', 'detect'])).to.equal(undefined)
    expect(nearest('nmae', words)).to.equal('name')
    expect(nearest('hots', ['host', 'port'])).to.equal('host')
    expect(nearest('Import-Path', words)).to.equal('import_path')
    expect(nearest('nam', words)).to.equal('name')
  })

  it('does not guess', () => {
    expect(nearest('replicas', words)).to.equal(undefined)
    expect(nearest('x', [])).to.equal(undefined)
  })
})
