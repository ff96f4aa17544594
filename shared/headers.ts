/** How a replica tells the proxy, on a 503, that it has not executed the request: another replica may have it. */
export const REFUSED_HEADER = 'x-batoid-refused'

/** Its values: there is no room now, or the replica takes no request any more. */
export type Refusal = 'busy' | 'draining'

/**
 * How the proxy tells a replica by which route prefix it found the request: with each one, since prefixes that are
 * exchanged change everywhere at once only so. It is `x-forwarded-prefix`, which may have begun with a proxy before,
 * and how long our end of it is; the replica puts that header in its place. None: `/`.
 */
export const PREFIX_HEADER = 'x-batoid-prefix'
const FORWARDED_PREFIX = 'x-forwarded-prefix'

/** What the replica gets of a header that tells of the client. `prefix`: percent-encoded. */
export function toldHeader(name: string, value: string, prefix: string): [name: string, value: string] {
  return name === FORWARDED_PREFIX && prefix !== '/' ? [PREFIX_HEADER, `${value} ${prefix.length}`] : [name, value]
}

interface Told {
  readonly rawHeaders: string[]
  readonly headers: Record<string, unknown>
}

/** The route prefix. User code sees nothing of how it was told. */
export function takePrefix(request: Told): string {
  const { rawHeaders } = request
  for (let at = 0; at < rawHeaders.length; at += 2) {
    if (rawHeaders[at] !== PREFIX_HEADER) continue
    const [, forwarded = '', length = ''] = /^(.*) (\d+)$/.exec(rawHeaders[at + 1] ?? '') ?? []
    // As many as before: Node has counted them. It may have made its object of them already, too.
    rawHeaders[at] = FORWARDED_PREFIX
    rawHeaders[at + 1] = forwarded
    const { headers } = request
    delete headers[PREFIX_HEADER]
    headers[FORWARDED_PREFIX] = forwarded
    return decodeURI(forwarded.slice(-Number(length)))
  }
  return '/'
}

/**
 * One header of a request as it came: Node makes an object of all of them when it is first asked for one, which costs
 * more than all else that the replica does with them.
 *
 * @param name - In lower case.
 */
export function rawHeader(rawHeaders: readonly string[], name: string): string | undefined {
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const given = rawHeaders[at]
    if (given?.length === name.length && given.toLowerCase() === name) return rawHeaders[at + 1]
  }
  return undefined
}
