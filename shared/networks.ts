import { BlockList, isIP } from 'node:net'

/** The addresses that begin with the same bits. */
export interface Network {
  readonly address: string
  readonly bits: number
}

/** Reads addresses and networks (RFC 4632, `10.0.0.0/8`) between commas; undefined if one of them is none. */
export function readNetworks(text: string): readonly Network[] | undefined {
  const networks = text.split(',').map((part) => readNetwork(part.trim()))
  return networks.every((network) => network !== undefined) ? networks : undefined
}

function readNetwork(text: string): Network | undefined {
  const [, address = '', length] = /^([\da-f.:]+)(?:\/(\d{1,3}))?$/i.exec(text) ?? []
  const version = isIP(address)
  if (version === 0) return undefined
  const longest = version === 4 ? 32 : 128
  const bits = length === undefined ? longest : Number(length)
  return bits <= longest ? { address, bits } : undefined
}

/** Tells whether an address is in one of the networks. */
export function isIn(networks: readonly Network[]): (address: string) => boolean {
  if (networks.length === 0) return () => false
  const list = new BlockList()
  for (const { address, bits } of networks) list.addSubnet(address, bits, family(address))
  return (text) => {
    const [address = ''] = text.split('%', 1) // the zone of a link-local address
    return isIP(address) !== 0 && list.check(address, family(address))
  }
}

function family(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 4 ? 'ipv4' : 'ipv6'
}
