import net from 'node:net'
import { getSystemErrorName } from 'node:util'
import { ServeError } from '../shared/errors.ts'
import type { HttpAddress } from '../shared/settings.ts'

/** A bound socket that this process never accepts from: proxies do, one after the other or side by side. */
export interface ListeningSocket {
  readonly fd: number
  readonly address: HttpAddress
  close(): void
}

/** By which flags an address is given, and what it is for where that is not plain. */
interface Flags {
  readonly host: string
  readonly port: string
  readonly what: string
}

export const HTTP_FLAGS: Flags = { host: '--http-host', port: '--http-port', what: '' }
export const DASHBOARD_FLAGS: Flags = {
  host: '--dashboard-host',
  port: '--dashboard-port',
  what: ', which is for the REST API',
}

interface BoundHandle {
  readonly fd: number
  getsockname(into: object): number
  close(): void
}

type CreateServerHandle = (host: string, port: number, family: 4 | 6) => BoundHandle | number

/**
 * Binds the address on which the cluster is reached. The first proxy that listens on the descriptor makes the kernel
 * queue connections, and goes on doing so while this process keeps it open, even while no proxy lives.
 *
 * `net._createServerHandle` is what node:cluster shares its sockets with. `net.Server.listen` is of no use here: it
 * also accepts. If Node takes the function away, `undefined` is returned and the proxy has to bind by itself.
 *
 * @throws ServeError `port_unavailable`
 */
export function bindSocket({ host, port }: HttpAddress, flags: Flags): ListeningSocket | undefined {
  const { _createServerHandle: create } = net as unknown as { _createServerHandle?: CreateServerHandle }
  if (create === undefined) return undefined
  const address = host === 'localhost' ? '127.0.0.1' : host
  const handle = create(address, port, net.isIPv6(address) ? 6 : 4)
  if (typeof handle === 'number') throw unavailable(handle, { host, port }, flags)
  const bound = { port }
  // libuv keeps an address in use to itself until somebody asks.
  const problem = handle.getsockname(bound)
  if (problem !== 0) {
    handle.close()
    throw unavailable(problem, { host, port }, flags)
  }
  return { fd: handle.fd, address: { host, port: bound.port }, close: () => handle.close() }
}

function unavailable(errno: number, address: HttpAddress, flags: Flags): ServeError {
  return new ServeError('port_unavailable', explain(getSystemErrorName(errno), address, flags))
}

function explain(code: string, { host, port }: HttpAddress, flags: Flags): string {
  const where = `cannot listen on ${host} port ${port}${flags.what}`
  switch (code) {
    case 'EADDRINUSE':
      return `${where}: another process listens there; stop it, or take another port with ${flags.port} (0: any free one)`
    case 'EACCES':
      return `${where}: this user may not; take a port of 1024 or more with ${flags.port}`
    case 'EADDRNOTAVAIL':
    case 'EINVAL':
      return `${where}: this machine has no such address; see ${flags.host}`
    default:
      return `${where}: ${code}`
  }
}
