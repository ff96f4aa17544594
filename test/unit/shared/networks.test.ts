import { expect } from 'chai'
import { isIn, readNetworks } from '../../../shared/networks.ts'

describe('readNetworks', () => {
  it('reads addresses and networks of both families', () => {
    expect(readNetworks('10.0.0.0/8, 192.0.2.1,fd00::/8,::1,0.0.0.0/0')).to.deep.equal([
      { address: '10.0.0.0', bits: 8 },
      { address: '192.0.2.1', bits: 32 },
      { address: 'fd00::', bits: 8 },
      { address: '::1', bits: 128 },
      { address: '0.0.0.0', bits: 0 },
    ])
  })

  it('refuses the whole list for one that is none', () => {
    for (const text of [
      '',
      ',',
      '10.0.0.0/33',
      '::/129',
      '10.0.0/8',
      'host',
      '10.0.0.1,',
      '1.2.3.4/-1',
      '1.2.3.4/8/8',
      '*',
    ])
      expect(readNetworks(text), text).to.equal(undefined)
  })
})

describe('isIn', () => {
  it('compares the bits that count', () => {
    const isInside = isIn(readNetworks('10.0.0.0/8,fd00::/8,192.0.2.1') ?? [])
    for (const address of ['10.0.0.0', '10.255.255.255', '::ffff:10.1.2.3', '192.0.2.1', 'fdff::1', 'fd00::1%eth0'])
      expect(isInside(address), address).to.equal(true)
    for (const address of ['11.0.0.0', '192.0.2.2', 'fe00::1', '', 'x', '10.0.0.1.'])
      expect(isInside(address), address).to.equal(false)
    expect(isIn([])('127.0.0.1')).to.equal(false)
  })
})
