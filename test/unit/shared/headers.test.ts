import { expect } from 'chai'
import { rawHeader } from '../../../shared/headers.ts'

describe('rawHeader', () => {
  const raw = ['Host', 'x-request-id', 'X-Request-ID', 'mine', 'accept', '*/*']

  it('finds a header in whatever case it was written, and no value that looks like its name', () => {
    expect(rawHeader(raw, 'x-request-id')).to.equal('mine')
  })

  it('is undefined for a header that was not sent', () => {
    expect(rawHeader(raw, 'x-request-ip')).to.equal(undefined)
    expect(rawHeader([], 'host')).to.equal(undefined)
  })
})
