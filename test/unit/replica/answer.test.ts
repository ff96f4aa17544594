import { expect } from 'chai'
import { answerOf, ingressOf } from '../../../replica/answer.ts'
import type { Servable } from '../../../replica/deployment.ts'

const TEXT = 'text/plain; charset=utf-8'
const request = new Request('http://localhost/')

async function read(value: unknown): Promise<[number, string | null, string]> {
  const response = answerOf(value)
  return [response.status, response.headers.get('content-type'), await response.text()]
}

describe('what a plain deployment returns', () => {
  const circle: unknown[] = []
  circle.push(circle)
  const answers: [string, unknown, string, string][] = [
    ['null', null, 'text/plain', ''],
    ['nothing', undefined, 'text/plain', ''],
    ['a string', 'Grüße', TEXT, 'Grüße'],
    ['an empty string', '', TEXT, ''],
    ['a Uint8Array', new Uint8Array([65, 66]), 'text/plain', 'AB'],
    ['a part of a Buffer', Buffer.from('xABx').subarray(1, 3), 'text/plain', 'AB'],
    ['an ArrayBuffer', new Uint8Array([65]).buffer, 'text/plain', 'A'],
    ['a number', 5, 'application/json', '5'],
    ['zero', 0, 'application/json', '0'],
    ['a boolean', false, 'application/json', 'false'],
    ['a list', [1, 2, { a: null }], 'application/json', '[1,2,{"a":null}]'],
    ['an object that says what it is as JSON', new Date(0), 'application/json', '"1970-01-01T00:00:00.000Z"'],
  ]
  for (const [what, value, type, body] of answers) {
    it(`is answered 200 ${type}, if it is ${what}`, async () => expect(await read(value)).to.eql([200, type, body]))
  }

  const unserialisable: [string, unknown][] = [
    ['a bigint', 1n],
    ['an object with a bigint', { n: 1n }],
    ['a cycle', circle],
    ['a function', () => 1],
    ['a symbol', Symbol('x')],
  ]
  for (const [what, value] of unserialisable) {
    it(`is no answer, if it is ${what}`, () => expect(() => answerOf(value)).to.throw(TypeError))
  }

  it('is sent as it is, if it is a Response of whatever class', () => {
    const own = new Response('x', { status: 418 })
    class Other extends Response {}
    const other = new Other('y')
    expect([answerOf(own), answerOf(other)]).to.eql([own, other])
  })

  it('is streamed, if it is a stream or a generator of strings and bytes', async () => {
    async function* generator() {
      yield 'Grü'
      yield Buffer.from('ße')
    }
    expect(await read(generator())).to.eql([200, TEXT, 'Grüße'])
    expect(await read(ReadableStream.from(['a', 'b']))).to.eql([200, TEXT, 'ab'])
  })

  it('is asked for chunk by chunk, and no more once the client has gone', async () => {
    const made: number[] = []
    let isClosed = false
    async function* endless() {
      try {
        for (let n = 0; ; n += 1) {
          made.push(n)
          yield `${n}`
        }
      } finally {
        isClosed = true
      }
    }
    const reader = answerOf(endless()).body!.getReader()
    expect(new TextDecoder().decode((await reader.read()).value)).to.equal('0')
    expect(made.length).to.be.lessThan(4)
    await reader.cancel()
    expect(isClosed).to.equal(true)
  })

  it('breaks off, if a chunk is neither string nor bytes', async () => {
    async function* numbers() {
      yield 1
    }
    const error = await answerOf(numbers())
      .text()
      .catch((thrown: unknown) => thrown)
    expect(String(error)).to.include('call() streams a number')
  })
})

describe('the ingress of a deployment', () => {
  const answer = async (servable: Servable) => (await ingressOf(servable).fetch(request)).text()

  it('is its fetch, and its call only where there is none', async () => {
    const fetch = () => new Response('fetch')
    expect(await answer({ fetch })).to.equal('fetch')
    expect(await answer({ call: () => 'call' })).to.equal('call')
    const both: Servable = { fetch, call: () => 'call' }
    expect(await answer(both)).to.equal('fetch')
  })

  it('keeps what the methods of a class work with, and waits for promises', async () => {
    class Model {
      readonly #label = 'cat'
      async call(asked: Request) {
        return { label: await Promise.resolve(this.#label), method: asked.method }
      }
    }
    expect(await answer(new Model())).to.equal('{"label":"cat","method":"GET"}')
  })

  it('passes on what is thrown, at once or later', async () => {
    const thrown = (call: () => unknown) =>
      Promise.resolve(ingressOf({ call }).fetch(request)).catch((error: unknown) => error)
    const error = new Error('no model')
    expect(
      await thrown(() => {
        throw error
      }),
    ).to.equal(error)
    expect(await thrown(() => Promise.reject(error))).to.equal(error)
  })
})
