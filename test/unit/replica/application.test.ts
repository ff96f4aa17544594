import { expect } from 'chai'
import { describeApplication } from '../../../replica/application.ts'
import { type Bound, boundIn, deployment } from '../../../replica/deployment.ts'

const servable = { fetch: () => new Response() }
const bound = (application: unknown): Bound => boundIn(application)!

function Model() {
  return servable
}

describe('deployment', () => {
  it('is named after its function or class, unless an option says otherwise', () => {
    expect(deployment(Model).name).to.equal('Model')
    expect(
      deployment(
        class Other {
          fetch = servable.fetch
        },
      ).name,
    ).to.equal('Other')
    expect(deployment(Model, { name: 'X' }).name).to.equal('X')
  })

  it('refuses a function without a name, and what is no function', () => {
    expect(() =>
      deployment(
        (
          () => () =>
            servable
        )(),
      ),
    ).to.throw('without a name')
    expect(() => deployment('Model' as never)).to.throw('a string')
  })

  it('creates from a class and from a function, with the arguments bound', () => {
    class Counter {
      readonly from: number
      constructor(from: number) {
        this.from = from
      }
      fetch = servable.fetch
    }
    expect(bound(deployment(Counter).bind(3)).create())
      .to.be.instanceOf(Counter)
      .and.have.property('from', 3)
    const Factory = (text: string) => ({ ...servable, text })
    expect(bound(deployment(Factory).bind('x')).create()).to.have.property('text', 'x')
  })

  it('runs nothing when it is bound', () => {
    let runs = 0
    deployment(
      () => {
        runs += 1
        return servable
      },
      { name: 'Lazy' },
    ).bind()
    expect(runs).to.equal(0)
  })
})

describe('describeApplication', () => {
  it('gives the deployment with its options filled in', () => {
    const { ingress, deployments } = describeApplication(bound(deployment(Model, { numReplicas: 2 }).bind()))
    expect(ingress).to.equal('Model')
    expect(deployments.map(({ name, options }) => [name, options.numReplicas])).to.deep.equal([['Model', 2]])
  })

  it('gives it with what is different from the code', () => {
    const { deployments } = describeApplication(bound(deployment(Model, { numReplicas: 2 }).bind()), [
      { name: 'Model', num_replicas: 4 },
    ])
    expect(deployments[0]?.options.numReplicas).to.equal(4)
  })

  it('refuses what is said of a deployment that is not there', () => {
    expect(() => describeApplication(bound(deployment(Model).bind()), [{ name: 'Ghost' }]))
      .to.throw("Deployment 'Ghost' does not exist. Available: ['Model']")
      .with.property('code', 'bad_config')
  })

  it('refuses two deployments of one name, however deep', () => {
    const outer = deployment((_inner: unknown) => servable, { name: 'Model' }).bind({
      models: [deployment(Model).bind()],
    })
    expect(() => describeApplication(bound(outer)))
      .to.throw("two deployments are named 'Model'")
      .with.property('code', 'duplicate_deployment')
  })

  it('refuses a deployment as an argument of another', () => {
    const outer = deployment((_inner: unknown) => servable, { name: 'Outer' }).bind(deployment(Model).bind())
    expect(() => describeApplication(bound(outer)))
      .to.throw('another deployment as an argument')
      .with.property('code', 'option_unsupported')
  })
})
