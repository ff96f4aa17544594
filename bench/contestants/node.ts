import type { Contestant, Site } from '../contestants.ts'
import { freePort } from '../processes.ts'

export const REPLICA_NAMES = ['replica-1', 'replica-2']

/** The processes of the two bare replicas that everything but the cluster forwards to. */
export function upstreamPids({ processes }: Site): readonly number[] {
  return REPLICA_NAMES.flatMap((name) => processes.tree(name))
}

export const bareReplica: Contestant = {
  id: 'bare replica',
  what: 'one process, nothing before it',
  inDepth: true,
  isAlone: true,
  start: ({ upstream }) => Promise.resolve(upstream.ports[0] ?? 0),
  pids: ({ processes }) => ({ hop: [], replicas: processes.tree('replica-1'), rest: [] }),
}

export const nodeCluster: Contestant = {
  id: 'node:cluster',
  what: 'two workers; connections are dealt out, not requests',
  inDepth: false,
  async start({ processes, server }) {
    const port = await freePort()
    processes.start({ name: 'cluster', args: [process.execPath, server('cluster')], env: { PORT: String(port) } })
    return port
  },
  pids({ processes }) {
    const [primary, ...workers] = processes.tree('cluster')
    return { hop: primary === undefined ? [] : [primary], replicas: workers, rest: [] }
  },
}

function plainProxy(id: string, what: string, keepAlive: boolean): Contestant {
  const name = id.replaceAll(/\W/g, '-')
  return {
    id,
    what,
    inDepth: keepAlive,
    async start({ processes, server, upstream }) {
      const port = await freePort()
      const env = { PORT: String(port), UPSTREAMS: upstream.ports.join(), KEEP_ALIVE: keepAlive ? '1' : '0' }
      processes.start({ name, args: [process.execPath, server('http-proxy')], env })
      return port
    },
    pids: (site) => ({ hop: site.processes.tree(name), replicas: upstreamPids(site), rest: [] }),
  }
}

export const httpProxy = plainProxy('http-proxy', '1.18.1, keep-alive agent, TCP; does nothing else', true)
export const httpProxyNoAgent = plainProxy('http-proxy, no agent', 'its default: a connection a request', false)
