import { expect } from 'chai'
import * as fc from 'fast-check'
import { isGivenUp, SOAK_MS } from '../../../controller/policy.ts'
import { nextDeadline } from '../../../controller/reconcile.ts'
import { restartDelayMs, STABLE_MS } from '../../../shared/backoff.ts'
import { cart, history, live, type Step, wanting, World } from '../../helpers/world.ts'

const cpus = fc.integer({ min: 1, max: 8 })

function check(runs: number, script: (world: World, steps: readonly Step[]) => void): void {
  fc.assert(
    fc.property(history, cpus, (steps, most) => {
      const world = new World()
      world.cpus = most
      script(world, steps)
    }),
    { numRuns: runs },
  )
}

describe('whatever happens, reconcile', () => {
  it('has nothing left to do once its actions are recorded', () => {
    check(1000, (world, steps) => {
      live(world, steps, ({ desired }) => {
        world.reconcile(desired)
        expect(world.reconcile(desired)).to.deep.equal([])
      })
    })
  })

  it('converges once faults stop, even if replicas heed nothing but SIGKILL, and looks only when it says', () => {
    check(300, (world, steps) => {
      world.cpus = 100
      const desired = live(world, steps, (moment) => world.reconcile(moment.desired))
      for (let i = 0; i < 400; i += 1) {
        world.reconcile(desired)
        for (const replica of world.in('starting')) world.running(replica)
        for (const replica of world.in('killed')) world.exited(replica)
        for (const replica of world.in('failed')) world.exited(replica)
        world.answer()
        world.reconcile(desired)
        const next = nextDeadline(desired, world.observed, world.now)
        if (next === undefined) break
        world.now = next
      }
      const wanted = desired.get(cart)
      const seen = world.observed.get(cart)
      if (wanted === undefined) return void expect(seen).to.equal(undefined)
      if (isGivenUp(wanted, seen!)) return
      const { version, config } = wanted
      expect(world.serving.map((replica) => [replica.version, replica.config])).to.deep.equal(
        Array.from({ length: wanted.targetReplicas }, () => [version, config]),
      )
      expect(world.replicas.length).to.equal(wanted.targetReplicas)
      expect(seen?.reached?.holds).to.equal(true)
    })
  })

  it('never gives up a serving replica while fewer than the target serve', () => {
    check(1000, (world, steps) => {
      live(world, steps, ({ desired, wanted }) => {
        const before = world.serving.length
        world.reconcile(desired)
        expect(world.serving.length).to.be.at.least(Math.min(before, wanted?.targetReplicas ?? 0))
      })
    })
  })

  it('never gives up the last replica that answers, be it unhealthy', () => {
    const answering = (world: World) => world.in('running').filter(({ frozen }) => frozen === undefined).length
    check(1000, (world, steps) => {
      live(world, steps, ({ desired, wanted }) => {
        const before = answering(world)
        world.reconcile(desired)
        expect(answering(world)).to.be.at.least(Math.min(before, wanted === undefined ? 0 : 1))
      })
    })
  })

  it('never gives up what serves for what has not served for a while', () => {
    check(1000, (world, steps) => {
      live(world, steps, ({ desired, wanted }) => {
        if (wanted === undefined) {
          world.reconcile(desired)
          return
        }
        const outdated = () => world.serving.filter(({ version }) => version !== wanted.version).length
        const before = outdated()
        const isProven = world.serving.some(
          ({ id, version, config }) =>
            version === wanted.version &&
            config === wanted.config &&
            world.now - (world.since.get(id) ?? world.now) >= SOAK_MS,
        )
        world.reconcile(desired)
        if (!isProven) expect(outdated()).to.be.at.least(Math.min(before, wanted.targetReplicas))
      })
    })
  })

  it('never starts more than the target and one batch', () => {
    check(1000, (world, steps) => {
      live(world, steps, ({ desired, wanted }) => {
        const hasSpawned = world.reconcile(desired).some((action) => action.do === 'spawn')
        const alive = world.in('starting').length + world.in('running').length
        if (hasSpawned) expect(alive).to.be.at.most((wanted?.targetReplicas ?? 0) + (wanted?.surge ?? 0))
      })
    })
  })

  it('never has more than a batch take a config over at a time, nor a second one before the first is proven', () => {
    check(1000, (world, steps) => {
      live(world, steps, ({ desired, wanted }) => {
        const actions = world.reconcile(desired).filter((action) => action.do === 'reconfigure')
        if (wanted === undefined || actions.length === 0) return
        const current = world.in('running').filter(({ version }) => version === wanted.version)
        const taking = current.filter((replica) => replica.taking !== undefined).length
        const young = current.filter(({ config }) => config === wanted.config).length
        const hasProof = current.some(
          ({ id, config }) => config === wanted.config && world.now - (world.since.get(id) ?? world.now) >= SOAK_MS,
        )
        expect(hasProof ? taking : taking + young).to.be.at.most(wanted.surge)
      })
    })
  })

  it('never uses more CPUs than there are for replicas of the wanted version', () => {
    check(500, (world, steps) => {
      live(world, steps, ({ desired, wanted }) => {
        const hasSpawned = world.reconcile(desired).some((action) => action.do === 'spawn')
        const current = [...world.in('starting'), ...world.in('running')].filter(
          ({ version, health, frozen }) => version === wanted?.version && (health.failures < 3 || frozen !== undefined),
        )
        // Unhealthy ones lend theirs to their successors. Replicas that were outdated and are wanted again may be over the limit: they run already.
        if (hasSpawned) expect(current.length).to.be.at.most(world.cpus)
      })
    })
  })

  it('never uses an id twice, nor draws one that it does not use', () => {
    check(500, (world, steps) => {
      const used: string[] = []
      live(world, steps, ({ desired }) => {
        for (const action of world.reconcile(desired)) if (action.do === 'spawn') used.push(action.replica)
      })
      expect(new Set(used).size).to.equal(used.length)
      expect(used).to.deep.equal(world.ids)
    })
  })

  it('asks each replica to leave, and kills it, only once', () => {
    check(500, (world, steps) => {
      const told = new Set<string>()
      live(world, steps, ({ desired, step }) => {
        // Another controller does not know who has been told.
        if (step.what === 'restart') told.clear()
        for (const action of world.reconcile(desired)) {
          if (action.do !== 'drain' && action.do !== 'kill') continue
          const order = `${action.do} ${action.replica}`
          expect(told.has(order), order).to.equal(false)
          told.add(order)
        }
      })
    })
  })

  it('is patient: each successor of what keeps failing is started when its time has come, and no sooner', () => {
    const fate = fc.record({
      how: fc.constantFrom('fails', 'exits', 'crashes', 'is late'),
      afterMs: fc.constantFrom(0, 10, 900, 59_999, STABLE_MS, 100_000),
    })
    fc.assert(
      fc.property(fc.array(fate, { maxLength: 12 }), (fates) => {
        const world = new World()
        const desired = wanting({ targetReplicas: 1 })
        let [hasty, dueAt] = [1, 0]
        world.reconcile(desired)
        world.running(world.replicas[0]!)
        world.exited(world.replicas[0]!)
        for (const { how, afterMs } of fates) {
          if (dueAt > world.now) {
            world.now = dueAt - 1
            expect(world.reconcile(desired).filter((action) => action.do === 'spawn')).to.deep.equal([])
          }
          world.now = dueAt
          expect(world.reconcile(desired).filter((action) => action.do === 'spawn')).to.have.length(1)
          end(world, how, afterMs)
          const delayMs = restartDelayMs(hasty + 1, () => 0.5) - (how === 'crashes' ? afterMs : 0)
          hasty = delayMs < 0 ? 1 : hasty + 1
          dueAt = world.now + Math.max(0, delayMs)
        }
      }),
      { numRuns: 500 },
    )

    function end(world: World, how: string, afterMs: number): void {
      const desired = wanting({ targetReplicas: 1 })
      if (how === 'crashes') world.running(world.replicas[0]!)
      if (how === 'crashes') world.now += afterMs
      if (how === 'is late') world.now += 1000
      if (how === 'fails') world.failed(world.replicas[0]!)
      world.reconcile(desired)
      world.exited(world.replicas[0]!)
    }
  })
})
