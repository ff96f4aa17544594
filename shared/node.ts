import { networkInterfaces } from 'node:os'
import { nodeIdOf } from './identity.ts'
import type { Session } from './session.ts'

/** The machine, as the reference names its nodes. */
export interface Node {
  readonly id: string
  readonly ip: string
}

export function thisNode(session: Session): Node {
  const networks = Object.values(networkInterfaces()).flat()
  const ip = networks.find((network) => network?.family === 'IPv4' && !network.internal)?.address
  return { id: nodeIdOf(session), ip: ip ?? '127.0.0.1' }
}
