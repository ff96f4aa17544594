import { expect } from 'chai'
import { checkSocketPath } from '../../../shared/socket-path.ts'

describe('checkSocketPath', () => {
  it('takes a path of 107 bytes', () => {
    checkSocketPath(`/${'x'.repeat(106)}`)
  })

  it('refuses one of 108 bytes with the path, its length, and what to do', () => {
    const path = `/${'x'.repeat(107)}`
    expect(() => checkSocketPath(path))
      .to.throw(`the socket path ${path} has 108 bytes, the kernel takes 107: choose a shorter --session-dir`)
      .with.property('code', 'path_too_long')
  })

  it('counts bytes, not characters', () => {
    expect(() => checkSocketPath('東'.repeat(36))).to.throw('has 108 bytes')
  })
})
