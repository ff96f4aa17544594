import * as answers from './answers.ts'
import { framing } from './headers.ts'
import { isHost } from './match.ts'

/** More header lines are answered 431. */
export const MAX_HEADERS = 200

interface Head {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly rawHeaders: readonly string[]
  readonly httpVersion: string
}

/** Why a request that Node has let through is answered here, whatever it asks for. */
export function requestFault({ headers, rawHeaders, httpVersion }: Head): answers.Answer | undefined {
  if (rawHeaders.length > 2 * MAX_HEADERS) return answers.longHeaders
  if (httpVersion !== '1.1' && httpVersion !== '1.0') return answers.unknownVersion
  const { host } = headers
  if (host === undefined ? httpVersion === '1.1' : !isHost(String(host))) return answers.noHost
  if (framing(headers) === undefined) return answers.unknownCoding
  return undefined
}
