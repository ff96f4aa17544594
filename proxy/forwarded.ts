import { isIn, type Network } from '../shared/networks.ts'

type Incoming = Readonly<Record<string, string | readonly string[] | undefined>>

/** What is seen of a request from here. */
export interface Seen {
  readonly clientAddress: string
  readonly host: string | undefined
  /** The route prefix. */
  readonly prefix: string
}

/** The headers that tell a replica of the client, computed from those that came with the request. */
export type Forwarded = (incoming: Incoming, seen: Seen) => Record<string, string>

export interface Trust {
  readonly proto: 'http' | 'https'
  readonly trustedProxies: readonly Network[]
}

/** Anybody can write such headers: only of proxies that are trusted they are kept, and what is seen here is added. */
export function forwarding({ proto, trustedProxies }: Trust): Forwarded {
  const isTrusted = isIn(trustedProxies)
  return (incoming, { clientAddress, host, prefix }) => {
    // An IPv4 client on a dual-stack socket.
    const address = clientAddress.replace(/^::ffff:(?=\d+\.)/i, '')
    const headers: Record<string, string> = { 'x-forwarded-for': address, 'x-forwarded-proto': proto }
    if (host !== undefined) headers['x-forwarded-host'] = host
    if (prefix !== '/') headers['x-forwarded-prefix'] = prefix
    return isTrusted(address) ? extended(incoming, headers) : headers
  }
}

/** The chain grows by us: the list of addresses at its end, the prefix, which the one before may have taken off, too. */
function extended(incoming: Incoming, ours: Readonly<Record<string, string>>): Record<string, string> {
  const theirs = Object.fromEntries(
    Object.entries(incoming).flatMap(([name, value]) =>
      name.startsWith('x-forwarded-') && value !== undefined ? [[name, String(value)]] : [],
    ),
  )
  const address = ours['x-forwarded-for'] ?? ''
  const prefix = `${theirs['x-forwarded-prefix']?.replace(/\/+$/, '') ?? ''}${ours['x-forwarded-prefix'] ?? ''}`
  const { forwarded } = incoming
  return {
    ...ours,
    ...theirs,
    'x-forwarded-for': joined(theirs['x-forwarded-for'], address),
    ...(prefix === '' ? {} : { 'x-forwarded-prefix': prefix }),
    // RFC 7239, 6: an IPv6 address is in brackets, and quoted for its colons.
    ...(forwarded === undefined
      ? {}
      : { forwarded: joined(String(forwarded), `for=${address.includes(':') ? `"[${address}]"` : address}`) }),
  }
}

function joined(list: string | undefined, last: string): string {
  return list === undefined || list === '' ? last : `${list}, ${last}`
}
