import { isLoopback } from '../shared/loopback.ts'

/** What of a request says whether it may be answered. */
export interface Asker {
  readonly host: string | undefined
  readonly origin: string | undefined
  readonly authorization: string | undefined
  /** It asks for what is no secret, and what a browser cannot show a token for. */
  readonly isHarmless: boolean
}

export interface Refusal {
  readonly status: 401 | 403
  readonly error: string
}

/**
 * Who may ask. A page of another site can make a browser send requests here: it then says its `Origin`; or it has its
 * own name lead here (DNS rebinding): that name is then in `Host`. `isToken` is undefined where no token is asked for.
 */
export function refusalOf(asker: Asker, isToken: ((text: string) => boolean) | undefined): Refusal | undefined {
  const { host, origin, authorization, isHarmless } = asker
  if (origin !== undefined && !isOwnOrigin(origin, host)) {
    return { status: 403, error: `Requests of pages of ${origin} are refused.` }
  }
  if (isToken === undefined) {
    if (host !== undefined && isLoopback(hostName(host))) return undefined
    return { status: 403, error: `Host '${host ?? ''}' is refused: ask for localhost or 127.0.0.1.` }
  }
  if (isHarmless) return undefined
  const token = /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1]
  if (token !== undefined && isToken(token)) return undefined
  return { status: 401, error: 'Unauthorized: send the token of BATOID_AUTH_TOKEN as Authorization: Bearer <token>.' }
}

function isOwnOrigin(origin: string, host: string | undefined): boolean {
  return host !== undefined && (origin === `http://${host}` || origin === `https://${host}`)
}

/** Without the port. */
function hostName(host: string): string {
  return host.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1')
}
