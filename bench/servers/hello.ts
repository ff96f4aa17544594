import { Hono } from 'hono'

const CHUNK = new Uint8Array(64 * 1024).fill(97)
/** 1 MB in all. */
const CHUNKS = 16

/** What every contestant serves: 13 bytes on `/`, a stream of 1 MB on `/stream`. */
export function hello(): Hono {
  const app = new Hono()
  app.get('/', (c) => c.text('Hello, world!'))
  app.get('/stream', () => {
    let sent = 0
    const body = new ReadableStream({
      pull(controller) {
        sent += 1
        if (sent <= CHUNKS) controller.enqueue(CHUNK)
        else controller.close()
      },
    })
    return new Response(body, { headers: { 'content-type': 'application/octet-stream' } })
  })
  return app
}
