import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { replicaOfSocket } from '../../shared/session.ts'
import type { Contestant, Site } from '../contestants.ts'
import { versionOf } from '../machine.ts'
import { freePort } from '../processes.ts'
import { batoid } from './batoid.ts'
import { upstreamPids } from './node.ts'

const TO_INSTALL = 'apt-get install --no-install-recommends nginx haproxy'

/** The Unix sockets of the cluster's own replicas. */
function clusterSockets({ session }: Site): readonly string[] {
  return readdirSync(session)
    .filter((file) => replicaOfSocket(file) !== undefined)
    .map((file) => join(session, file))
}

function nginxConfig(directory: string, port: number, servers: readonly string[]): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  return `${process.getuid?.() === 0 ? 'user root;' : ''}
daemon off;
worker_processes 1;
pid ${directory}/${port}.pid;
error_log stderr warn;
events { worker_connections 4096; }
http {
  ${temporary.map((name) => `${name}_temp_path ${directory}/${port}-${name};`).join('\n  ')}
  access_log ${directory}/${port}-access.log;
  keepalive_requests 1000000000;
  tcp_nodelay on;
  upstream replicas { ${servers.map((server) => `server ${server};`).join(' ')} keepalive 256; keepalive_requests 1000000000; }
  server {
    listen 127.0.0.1:${port};
    location / { proxy_pass http://replicas; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host; }
  }
}
`
}

interface Nginx {
  readonly id: string
  readonly what: string
  readonly inDepth: boolean
  servers(site: Site): readonly string[]
  replicas(site: Site): Pick<ReturnType<Contestant['pids']>, 'replicas' | 'rest'>
}

function nginxBefore({ id, what, inDepth, servers, replicas }: Nginx): Contestant {
  const name = id.replaceAll(/\W/g, '-')
  return {
    id,
    what,
    inDepth,
    toInstall: TO_INSTALL,
    version: () => versionOf('nginx', '-v'),
    async start(site) {
      const port = await freePort()
      const file = join(site.directory, `${name}.conf`)
      writeFileSync(file, nginxConfig(site.directory, port, servers(site)))
      site.processes.start({ name, args: ['nginx', '-e', 'stderr', '-c', file] })
      return port
    },
    pids: (site) => ({ hop: site.processes.tree(name), ...replicas(site) }),
  }
}

const bare = (site: Site) => ({ replicas: upstreamPids(site), rest: [] })

export const nginx = nginxBefore({
  id: 'nginx',
  what: '1 worker, access log, upstream keep-alive, TCP',
  inDepth: true,
  servers: ({ upstream }) => upstream.ports.map((port) => `127.0.0.1:${port}`),
  replicas: bare,
})

export const nginxUnix = nginxBefore({
  id: 'nginx, Unix sockets',
  what: 'the same over Unix sockets',
  inDepth: false,
  servers: ({ upstream }) => upstream.sockets.map((path) => `unix:${path}`),
  replicas: bare,
})

export const nginxAtCluster = nginxBefore({
  id: 'nginx → batoid replicas',
  what: 'the same before the replicas of `batoid run`',
  inDepth: false,
  servers: (site) => clusterSockets(site).map((path) => `unix:${path}`),
  replicas(site) {
    const { replicas, rest } = batoid.pids(site)
    return { replicas, rest }
  },
})

export const haproxy: Contestant = {
  id: 'HAProxy',
  what: '1 thread, no log, Unix sockets',
  inDepth: true,
  toInstall: TO_INSTALL,
  version: () => versionOf('haproxy', '-v'),
  async start({ directory, processes, upstream }) {
    const port = await freePort()
    const file = join(directory, 'haproxy.cfg')
    const servers = upstream.sockets.map((path, index) => `  server replica-${index} unix@${path}`)
    const text = `global
  nbthread 1
  maxconn 4096
defaults
  mode http
  timeout connect 5s
  timeout client 75s
  timeout server 75s
  http-reuse always
frontend all
  bind 127.0.0.1:${port}
  default_backend replicas
backend replicas
  balance roundrobin
${servers.join('\n')}
`
    writeFileSync(file, text)
    processes.start({ name: 'haproxy', args: ['haproxy', '-f', file] })
    return port
  },
  pids: (site) => ({ hop: site.processes.tree('haproxy'), replicas: upstreamPids(site), rest: [] }),
}
