import { expect } from 'chai'
import { forwarding } from '../../../proxy/forwarded.ts'
import { readNetworks } from '../../../shared/networks.ts'

const trusting = (networks: string, proto: 'http' | 'https' = 'http') =>
  forwarding({ proto, trustedProxies: readNetworks(networks) ?? [] })
const nobody = forwarding({ proto: 'http', trustedProxies: [] })
const seen = { clientAddress: '10.0.0.1', host: 'in', prefix: '/v1' }
const ours = {
  'x-forwarded-for': '10.0.0.1',
  'x-forwarded-proto': 'http',
  'x-forwarded-host': 'in',
  'x-forwarded-prefix': '/v1',
}
const theirs = {
  'x-forwarded-for': '203.0.113.9, 10.9.9.9',
  'x-forwarded-proto': 'https',
  'x-forwarded-host': 'shop.example',
  'x-forwarded-port': '443',
  'x-forwarded-prefix': '/outer/',
  forwarded: 'for=203.0.113.9;proto=https',
  accept: '*/*',
}

describe('what a replica is told of the client', () => {
  it('is what the proxy sees, whatever the client says', () => {
    expect(nobody(theirs, seen)).to.deep.equal(ours)
    expect(trusting('192.168.0.0/16, ::1')(theirs, seen)).to.deep.equal(ours)
    expect(nobody({}, { clientAddress: '::ffff:10.0.0.1', host: undefined, prefix: '/' })).to.deep.equal({
      'x-forwarded-for': '10.0.0.1',
      'x-forwarded-proto': 'http',
    })
    expect(trusting('', 'https')({}, seen)).to.include({ 'x-forwarded-proto': 'https' })
  })

  it('is what a trusted proxy says, with that proxy at the end of the chain', () => {
    expect(trusting('10.0.0.0/8')(theirs, seen)).to.deep.equal({
      'x-forwarded-for': '203.0.113.9, 10.9.9.9, 10.0.0.1',
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'shop.example',
      'x-forwarded-port': '443',
      'x-forwarded-prefix': '/outer/v1',
      forwarded: 'for=203.0.113.9;proto=https, for=10.0.0.1',
    })
  })

  it('is what is seen where a trusted proxy says nothing', () => {
    expect(trusting('10.0.0.0/8')({}, seen)).to.deep.equal(ours)
    expect(trusting('10.0.0.1')({ 'x-forwarded-for': '' }, seen)).to.deep.equal(ours)
  })

  it('quotes an IPv6 address in Forwarded, and knows an IPv4 one on a dual-stack socket', () => {
    const six = trusting('fd00::/8')({ forwarded: 'for=_a' }, { ...seen, clientAddress: 'fd00::1' })
    expect(six).to.include({ forwarded: 'for=_a, for="[fd00::1]"', 'x-forwarded-for': 'fd00::1' })
    const four = trusting('10.0.0.0/8')({ 'x-forwarded-for': 'a' }, { ...seen, clientAddress: '::ffff:10.0.0.1' })
    expect(four).to.include({ 'x-forwarded-for': 'a, 10.0.0.1' })
  })
})
