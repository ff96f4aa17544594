import { expect } from 'chai'
import {
  type DesiredState,
  NOTHING,
  newsFor,
  withBuilt,
  withDeclaration,
  withDeployed,
  withoutThese,
  withUnbuilt,
} from '../../../controller/target.ts'
import { LOGGING_DEFAULTS } from '../../../shared/config/defaults.ts'
import type { ApplicationConfig } from '../../../shared/config/schema.ts'
import type { Declaration, DeclaredApplication } from '../../../shared/declaration.ts'
import type { ApplicationSpec } from '../../../shared/protocol.ts'
import { specOf } from '../../helpers/spec.ts'

const spec = (name: string, more: Partial<ApplicationSpec> = {}): ApplicationSpec =>
  specOf({ name, routePrefix: `/${name}`, ...more })
const built = (name: string, more: Partial<ApplicationSpec> = {}): DeclaredApplication => ({
  name,
  build: { state: 'built', spec: spec(name, more) },
})
const building = (name: string): DeclaredApplication => ({ name, build: { state: 'building' } })
const error = { code: 'module_failed', message: 'no model' } as const
const failed = (name: string): DeclaredApplication => ({ name, build: { state: 'failed', error } })

let declarations = 0

function target(...applications: DeclaredApplication[]): Declaration {
  declarations += 1
  const declared = applications.map(({ name }) => ({ name, deployments: [] }) as unknown as ApplicationConfig)
  return { id: `${declarations}`, declared, applications, targetCapacity: null, loggingConfig: LOGGING_DEFAULTS }
}

/** What is declared, one after the other. */
function after(...targets: Declaration[]): DesiredState {
  return targets.reduce((state, next, nowS) => withDeclaration(state, next, nowS), NOTHING)
}
const shown = ({ applications }: DesiredState) => applications.map((one) => `${one.spec.name} ${one.spec.routePrefix}`)

describe('what is declared', () => {
  it('replaces what was declared before, and leaves alone what is as it was', () => {
    const alone = withDeployed(NOTHING, spec('alone'), 0)
    const first = withDeclaration(alone, target(built('kept'), built('left')), 1)
    const second = withDeclaration(first, target(built('kept'), built('new')), 2)
    expect(shown(second)).to.deep.equal(['alone /alone', 'kept /kept', 'new /new'])
    expect(second.applications.map(({ source, lastDeployedTimeS }) => `${source} ${lastDeployedTimeS}`)).to.deep.equal([
      'imperative 0',
      'declarative 1',
      'declarative 2',
    ])
    expect(second.applications[1]).to.deep.equal(first.applications[1])
  })

  it('lets go on what is being built or cannot be, and says so', () => {
    const state = after(target(built('a'), built('b')), target(building('a'), failed('b'), failed('c')))
    expect(shown(state)).to.deep.equal(['a /a', 'b /b'])
    expect(state.unbuilt).to.deep.equal([{ name: 'a' }, { name: 'b', error }, { name: 'c', error }])
    expect(after(target(failed('a')), target(built('a'))).unbuilt).to.deep.equal([])
  })

  it('may exchange route prefixes', () => {
    const state = after(
      target(built('a'), built('b')),
      target(built('a', { routePrefix: '/b' }), built('b', { routePrefix: '/a' })),
    )
    expect(shown(state)).to.deep.equal(['a /b', 'b /a'])
    expect(state.unbuilt).to.deep.equal([])
  })

  it('may not have a route prefix of what goes on, nor of what then goes on because of that', () => {
    const state = after(
      target(built('a'), built('b'), built('c')),
      target(failed('a'), built('b', { routePrefix: '/a' }), built('c', { routePrefix: '/b' })),
    )
    expect(shown(state)).to.deep.equal(['a /a', 'b /b', 'c /c'])
    expect(state.unbuilt.map((one) => one.error?.message)).to.deep.equal([
      'no model',
      'Prefix /a is being used by application "a". Failed to deploy application "b".',
      'Prefix /b is being used by application "b". Failed to deploy application "c".',
    ])
  })

  it('comes as it is built, and is then as if all had been built at once', () => {
    const first = after(target(built('a'), built('b')))
    const whole = target(built('a', { routePrefix: '/b' }), built('b', { routePrefix: '/a' }), failed('c'))
    const begun = { ...whole, applications: ['a', 'b', 'c'].map(building) }
    const states = [begun, ...whole.applications].reduce<DesiredState[]>((all, news) => {
      const before = all.at(-1) ?? first
      const next =
        'id' in news ? withDeclaration(before, news, 1) : withBuilt(before, { ...whole, applications: [news] }, 1)
      return [...all, next]
    }, [])
    expect(states.map((state) => shown(state).join())).to.deep.equal([
      'a /a,b /b',
      'a /a,b /b',
      'a /b,b /a',
      'a /b,b /a',
    ])
    expect(states[1]?.unbuilt[0]?.error?.message).to.match(/^Prefix \/b is being used by application "b"/)
    expect(states.at(-1)).to.deep.equal(withDeclaration(first, whole, 1))
  })

  it('takes no notice of what is built for another declaration, twice, or after it was deleted', () => {
    const begun = target(building('a'), building('b'))
    const state = after(begun)
    const news = { id: begun.id, applications: [built('a')] }
    expect(withBuilt(state, { ...news, id: 'another' }, 1)).to.equal(state)
    expect(withBuilt(withoutThese(state, ['a']), news, 1).applications).to.deep.equal([])
    const once = withBuilt(state, news, 1)
    expect(newsFor(state, news)).to.deep.equal(news.applications)
    expect(newsFor(once, { ...news, applications: [built('a'), built('b'), building('c')] })).to.deep.equal([
      built('b'),
    ])
    expect(shown(once)).to.deep.equal(['a /a'])
    const again = { id: begun.id, applications: [built('a', { importPath: 'other:app' }), building('b')] }
    expect(withBuilt(once, again, 2)).to.equal(once)
    expect(withDeclaration(once, { ...begun, ...again }, 2)).to.equal(once)
    expect(
      withBuilt(withoutThese(once, ['a']), { ...again, applications: [built('b')] }, 2).applications,
    ).to.have.length(1)
  })

  it('may have several applications without a route', () => {
    expect(
      after(target(built('a', { routePrefix: null }), built('b', { routePrefix: null }))).applications,
    ).to.have.lengthOf(2)
  })
})

describe('an application that is deployed by itself', () => {
  it('may not have the route prefix of another', () => {
    const state = after(target(built('slow')))
    expect(() => withDeployed(state, spec('slow2', { routePrefix: '/slow' }), 1))
      .to.throw('Prefix /slow is being used by application "slow". Failed to deploy application "slow2".')
      .with.property('code', 'bad_config')
    expect(shown(withDeployed(state, spec('slow'), 1))).to.deep.equal(['slow /slow'])
  })
})

describe('the opinion of an application', () => {
  const running = { name: 'a', status: 'RUNNING', message: '', deployments: [] } as const

  it('is that it failed when it could not be built, whatever runs meanwhile', () => {
    const stack = 'Error: no model\n    at main.ts:1'
    const message = `Deploying app 'a' failed with exception:\n${stack}\nno model`
    expect(withUnbuilt([running], [{ name: 'a', error: { ...error, stack } }])).to.deep.equal([
      { ...running, status: 'DEPLOY_FAILED', message },
    ])
  })

  it('is had also when there is nothing of it yet', () => {
    expect(withUnbuilt([running], [{ name: 'b' }])).to.deep.equal([
      running,
      { name: 'b', status: 'DEPLOYING', message: '', deployments: [] },
    ])
  })
})
