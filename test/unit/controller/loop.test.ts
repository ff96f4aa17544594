import { expect } from 'chai'
import { Loop } from '../../../controller/loop.ts'
import { resolveOptions } from '../../../replica/options.ts'
import type { Clock } from '../../../shared/clock.ts'
import { deploymentId, type ReplicaId } from '../../../shared/ids.ts'
import type { ApplicationSpec } from '../../../shared/protocol.ts'

const application: ApplicationSpec = {
  name: 'default',
  routePrefix: '/',
  importPath: 'main:app',
  workingDir: '/',
  ingress: 'Model',
  deployments: [
    {
      name: 'Model',
      options: resolveOptions('Model', { rayActorOptions: { numCpus: 0.1 } }),
    },
  ],
}
const deployment = deploymentId({ application: 'default', deployment: 'Model' })

/** Time goes on whenever it is looked at, as it does; a timer may be a little early, as Node's are. */
function slowClock() {
  const clock = { nowMs: 1_000, wake: { atMs: Number.NaN, task: () => {} } }
  const port: Clock = {
    now: () => (clock.nowMs += 0.4),
    after(delayMs, task) {
      clock.wake = { atMs: clock.nowMs + delayMs, task }
      return () => (clock.wake = { atMs: Number.NaN, task: () => {} })
    },
  }
  const fire = (earlyMs: number): void => {
    const { atMs, task } = clock.wake
    clock.nowMs = Math.max(clock.nowMs, atMs - earlyMs)
    task()
  }
  return { clock, port, fire }
}

describe('the loop', () => {
  it('starts the successor of a replica that died twice, however early or late its timer fires', () => {
    for (let earlyMs = -1; earlyMs <= 2; earlyMs += 0.1) {
      const { port, fire } = slowClock()
      const started: ReplicaId[] = []
      const loop = new Loop({
        effects: {
          save: () => {},
          reconfigure: () => {},
          start: ({ replica }) => void started.push(replica),
          drain: () => {},
          kill: () => {},
          publish: () => Promise.resolve(),
          changed: () => {},
          log: () => {},
        },
        clock: port,
        random: Math.random,
        hash: (text) => text,
        machine: { resources: { CPU: 1 }, gpus: [] },
        tableVersion: 0,
      })
      loop.deploy(application)
      for (let n = 0; n < 2; n += 1) {
        const replica = started[n]!
        loop.tell({ on: 'running', deployment, replica, address: '/a.sock' })
        loop.tell({
          on: 'exited',
          deployment,
          replica,
          error: { code: 'internal', message: 'exit code 1' },
          lastLines: [],
        })
      }
      expect(started).to.have.lengthOf(2)
      fire(earlyMs)
      fire(0)
      expect(started, `fired ${earlyMs.toFixed(1)} ms early`).to.have.lengthOf(3)
    }
  })
})
