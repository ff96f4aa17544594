import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Contestant } from '../contestants.ts'
import { versionOf } from '../machine.ts'
import { commandLine, freePort } from '../processes.ts'

export const pm2: Contestant = {
  id: 'PM2',
  what: 'cluster mode, two processes, no hop',
  inDepth: false,
  toInstall: 'npm install --global pm2',
  version: () => versionOf('pm2-runtime', '--version'),
  async start({ directory, processes, server }) {
    const port = await freePort()
    const env = { PM2_HOME: join(directory, 'pm2'), PM2_DISABLE_VERSION_CHECK: 'true', PORT: String(port) }
    processes.start({ name: 'pm2', args: ['pm2-runtime', 'start', server('replica'), '-i', '2'], env })
    return port
  },
  pids({ processes }) {
    const [daemon, ...workers] = processes.tree('pm2')
    return { hop: daemon === undefined ? [] : [daemon], replicas: workers, rest: [] }
  },
}

export const watt: Contestant = { ...pm2, id: 'Watt', version: () => undefined, toInstall: 'x' }
export const rayServe: Contestant = { ...pm2, id: 'Ray Serve', version: () => undefined, toInstall: 'x' }
void [mkdirSync, symlinkSync, writeFileSync, commandLine]
