import { describe, type Ingress, isIngress, type Servable } from './deployment.ts'

const TEXT = 'text/plain; charset=utf-8'

/** What takes the requests of a deployment: its own `fetch`, or one that makes answers of what its `call` returns. */
export function ingressOf(servable: Servable): Ingress {
  if (isIngress(servable)) return servable
  return { fetch: async (request) => answerOf(await servable.call(request)) }
}

/** What the client is told of a failure in user code. */
export function internalError(): Response {
  return answer('Internal Server Error', TEXT, 500)
}

/** If need be by its name, since there are several classes: Node's, that of @hono/node-server, those of packages. */
export function isResponse(value: unknown): value is Response {
  return value instanceof Response || Object.prototype.toString.call(value) === '[object Response]'
}

/** As the reference makes one, except that its length is said where it is known. */
export function answerOf(value: unknown): Response {
  if (isResponse(value)) return value
  if (value === undefined || value === null) return answer('', 'text/plain')
  if (typeof value === 'string') return answer(value, TEXT)
  if (value instanceof Uint8Array) return answer(value, 'text/plain')
  if (value instanceof ArrayBuffer) return answer(new Uint8Array(value), 'text/plain')
  if (isAsyncIterable(value)) return answer(ReadableStream.from(bytesOf(value)), TEXT)
  const json: string | undefined = JSON.stringify(value)
  if (json === undefined) throw new TypeError(`call() returned ${describe(value)}, which JSON cannot express`)
  return answer(json, 'application/json')
}

function answer(body: string | Uint8Array | ReadableStream, type: string, status = 200): Response {
  return new Response(body, { status, headers: { 'content-type': type } })
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value
}

async function* bytesOf(chunks: AsyncIterable<unknown>): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder()
  for await (const chunk of chunks) {
    if (typeof chunk === 'string') yield encoder.encode(chunk)
    else if (chunk instanceof Uint8Array) yield chunk
    else throw new TypeError(`call() streams ${describe(chunk)}, but an answer consists of strings and bytes`)
  }
}
