import { expect } from 'chai'
import * as z from 'zod'
import { builder } from '../../../replica/builder.ts'
import { boundIn, deployment } from '../../../replica/deployment.ts'

const build = builder(z.object({ replicas: z.coerce.number().int(), model: z.string().default('small') }), (args) =>
  deployment((_args: unknown) => ({ fetch: () => new Response() }), {
    name: args.model,
    numReplicas: args.replicas,
  }).bind(args),
)

async function refusal(args: unknown): Promise<unknown> {
  return await build(args).then(
    () => undefined,
    (error: unknown) => error,
  )
}

describe('builder', () => {
  it('hands on what the schema makes of the arguments', async () => {
    const bound = boundIn(await build({ replicas: '3' }))
    expect(bound?.args).to.deep.equal([{ replicas: 3, model: 'small' }])
    expect(bound?.options.numReplicas).to.equal(3)
  })

  it('refuses other arguments, naming each', async () => {
    const error = await refusal({ replicas: 'many', model: 1 })
    expect(error).to.have.property('code', 'bad_arguments')
    expect(error)
      .to.have.property('message')
      .that.match(/does not take these arguments: replicas: .*; model: /)
    expect(await refusal(3))
      .to.have.property('message')
      .that.match(/: all: /)
  })
})
