import type { IncomingMessage, ServerResponse } from 'node:http'
import httpProxy from 'http-proxy'
import type { Clock } from '../shared/clock.ts'
import type { ReplicaId } from '../shared/ids.ts'
import { Outbox } from '../shared/outbox.ts'
import type { RunningReplica } from '../shared/protocol.ts'
import { Attempt } from './attempt.ts'
import { Connections } from './connections.ts'
import type { HeaderList } from './headers.ts'
import type { Target } from './match.ts'
import type { Outcome } from './outcome.ts'
import type { Caller } from './pool.ts'
import { MemoryPool } from './read-memory.ts'
import type { Upload } from './upload.ts'

/** A request as it goes to a replica, and where the answer goes. */
export interface Delivery {
  readonly id: string
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly caller: Caller
  readonly target: Target
  readonly headers: HeaderList
  readonly upload: Upload
}

/** The wire between the proxy and the replicas. */
export interface Transport {
  /** One attempt. Never rejects. The response is untouched unless the outcome is `answered`, `cut` or `aborted`. */
  forward(delivery: Delivery, to: RunningReplica): Promise<Outcome>
  /** No request goes to the replica any more: closes the connections to it. */
  drop(replica: RunningReplica): void
  close(): void
}

/**
 * http-proxy 1.18.1 around a pass of ours: docs/decisions/0012-own-connections.md. How many requests a replica gets is
 * decided by its pool, so there is no limit to the connections, and no request waits for one.
 */
export function createTransport(clock: Clock): Transport {
  const surroundings = { clock, outbox: new Outbox(), memory: new MemoryPool() }
  const replicas = new Map<ReplicaId, Connections>()
  const proxy = createShell()
  const connectionsTo = ({ id, address }: RunningReplica): Connections => {
    const connections = replicas.get(id) ?? new Connections(address, surroundings)
    replicas.set(id, connections)
    return connections
  }
  return {
    forward(delivery, to) {
      if (delivery.caller.gone) return Promise.resolve({ type: 'aborted' })
      const attempt = new Attempt(delivery, connectionsTo(to).take(), surroundings)
      proxy.web(delivery.request, delivery.response, new Passage(attempt))
      return attempt.outcome
    },
    drop({ id }) {
      replicas.get(id)?.close()
      replicas.delete(id)
    },
    close() {
      for (const connections of replicas.values()) connections.close()
      replicas.clear()
    },
  }
}

/** What http-proxy is given for one call, and hands on to its passes. It insists on a target. */
class Passage {
  readonly target = {}
  readonly attempt: Attempt

  constructor(attempt: Attempt) {
    this.attempt = attempt
  }
}

/** A pass of http-proxy. */
function stream(_request: IncomingMessage, _response: ServerResponse, { attempt }: Passage): void {
  attempt.start()
}

/** http-proxy with one pass, ours, in the place of its own, among them `deleteLength`, which lets requests be smuggled. */
function createShell(): httpProxy {
  const proxy = httpProxy.createProxyServer()
  if (!Array.isArray(Reflect.get(proxy, 'webPasses'))) throw new Error('http-proxy is not version 1.18.1: no webPasses')
  Reflect.set(proxy, 'webPasses', [stream])
  return proxy
}
