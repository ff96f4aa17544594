import { type ClientRequest, type IncomingMessage, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { text as textOf } from 'node:stream/consumers'

export type Method = 'GET' | 'PUT' | 'POST' | 'DELETE'

interface Question {
  readonly method: Method
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
}

interface Answer {
  readonly status: number
  readonly text: string
}

/** Nothing came for too long. */
export class Timeout extends Error {}

/** The answer has a beginning, but no end. */
export class CutOff extends Error {}

/** Nothing is asked, but to delete, that takes a cluster long: one that says nothing is frozen. */
const SILENCE_MS = 10_000

/**
 * Asks over HTTP and waits for the whole answer. Not with fetch, which gives up after 300 s whatever it is told: what is
 * deleted may be drained for longer, and so a DELETE waits without end.
 */
export async function exchange(url: string, { method, headers, body }: Question): Promise<Answer> {
  const request = new URL(url).protocol === 'https:' ? requestHttps : requestHttp
  const timeout = method === 'DELETE' ? 0 : SILENCE_MS
  // An idle connection may be closed by the other side just when the next question is put.
  const asked = request(url, { method, headers, agent: false, timeout })
  asked.on('timeout', () => asked.destroy(new Timeout()))
  const response = await answerTo(asked, body)
  try {
    return { status: response.statusCode ?? 0, text: await textOf(response) }
  } catch (error) {
    throw error instanceof Timeout ? error : new CutOff()
  }
}

function answerTo(asked: ClientRequest, body: string | undefined): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    asked.once('response', resolve).on('error', reject)
    asked.end(body)
  })
}
