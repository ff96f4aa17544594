import { type Clients, startClients } from './clients.ts'
import type { Cluster } from './cluster.ts'
import { eventually } from './eventually.ts'
import { type Operator, operate } from './operator.ts'
import { readEvents, type Streams, talk } from './streams.ts'

export interface MixedLoad {
  readonly clients: Clients
  readonly events: Streams
  readonly talks: Streams
  readonly operator: Operator
  stop(): Promise<unknown>
}

/** Once all get answers: 14 ordinary clients, 3 that read events, and 3 that talk over WebSockets; and an operator. */
export async function startMixedLoad({ url, session }: Pick<Cluster, 'url' | 'session'>): Promise<MixedLoad> {
  const clients = startClients(`${url}/`, { count: 14 })
  const events = readEvents(`${url}/events`, 3)
  const talks = talk(`${url}/talk`, 3)
  const operator = operate(session)
  const stop = () => Promise.all([clients, events, talks].map((one) => one.stop()))
  await eventually(() => clients.told.length > 100 && events.done() > 3 && talks.done() > 3)
  await operator.settled()
  return { clients, events, talks, operator, stop }
}
