import { mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import type { Servable } from '../../replica/deployment.ts'
import { ReplicaServer } from '../../replica/server.ts'
import { systemClock } from '../../shared/clock.ts'

/** The class as Node makes it, which `fetch()` of an upstream returns; a replica's own global has another. */
const NodeResponse = Response

interface Received {
  readonly status: number | undefined
  readonly body: string
  readonly isComplete: boolean
}

describe('a replica', () => {
  const directory = mkdtempSync(join(tmpdir(), 'replica-'))
  const logged: string[] = []
  const printed: unknown[] = []
  const { error } = console
  let count = 0

  before(() => (console.error = (text: unknown) => void printed.push(text)))

  after(() => {
    console.error = error
    rmSync(directory, { recursive: true })
  })

  async function ask(servable: Servable): Promise<Received> {
    const address = join(directory, `${(count += 1)}.sock`)
    const server = new ReplicaServer({
      servable,
      address,
      live: { maxOngoingRequests: 1 },
      clock: systemClock,
      access: () => {},
      failed: (text) => void logged.push(text),
    })
    await server.listen()
    const received = await new Promise<Received>((resolve, reject) => {
      const client = request({ socketPath: address, agent: false }, (response) => {
        let body = ''
        response.on('data', (chunk: Buffer) => (body += chunk.toString()))
        response.on('error', () => {})
        response.on('close', () => resolve({ status: response.statusCode, body, isComplete: response.complete }))
      })
      client.on('error', reject).end()
    })
    return received
  }

  const fails = async (): Promise<never> => {
    throw new Error('a secret')
  }
  const failed = () => new ReadableStream({ start: (controller) => controller.error(new Error('a secret')) })
  const read = async () => {
    const response = new NodeResponse('a secret')
    await response.text()
    return response
  }
  const failures: [string, Servable][] = [
    ['a handler that throws', { fetch: fails }],
    ['a plain one that throws', { call: fails }],
    ['a handler that returns no Response', { fetch: () => 'a secret' as never }],
    ['a handler that returns nothing', { fetch: () => undefined as never }],
    ['a Response whose body has been read', { fetch: read }],
    ['a Response with a header that cannot be sent', { fetch: () => new Response('', { headers: { a: 'a\u1234' } }) }],
    ['a promise of such a Response', { fetch: async () => new Response('ab', { headers: { a: 'a\u1234' } }) }],
  ]
  for (const [what, servable] of failures) {
    it(`answers 500 without a word of the reason, which it logs, to ${what}`, async () => {
      const before = logged.length + printed.length
      expect(await ask(servable)).to.eql({ status: 500, body: 'Internal Server Error', isComplete: true })
      expect(logged.length + printed.length).to.equal(before + 1)
    })
  }

  it('answers 500, or breaks off what it has begun, to a Response whose body has failed, and says nothing of it', async () => {
    // Which of them depends on whether the failure is seen before the head is written.
    const { status, body, isComplete } = await ask({ fetch: () => new NodeResponse(failed()) })
    expect(`${status} ${body} ${isComplete}`).to.be.oneOf(['500 Internal Server Error true', '200  false'])
  })

  it("sends a 500 of the handler's own as it is", async () => {
    const own = () => new Response('Error: own words', { status: 500, headers: { 'Content-Type': 'text/plain' } })
    expect(await ask({ fetch: own })).to.eql({ status: 500, body: 'Error: own words', isComplete: true })
    expect(await ask({ call: own })).to.eql({ status: 500, body: 'Error: own words', isComplete: true })
  })

  it("passes on what another server answered, in Node's own Response", async () => {
    const upstream = () => new NodeResponse('upstream', { status: 418 })
    expect(await ask({ call: upstream })).to.eql({ status: 418, body: 'upstream', isComplete: true })
  })

  it('breaks off a stream that fails, without a word', async () => {
    async function* half() {
      yield 'half'
      await fails()
    }
    const { body, isComplete } = await ask({ call: half })
    expect(isComplete).to.equal(false)
    expect(body).to.be.oneOf(['', 'half'])
    expect(String(printed.at(-1))).to.equal('Error: a secret')
  })
})
