/** How a replica tells the proxy, on a 503, that it has not executed the request: another replica may have it. */
export const REFUSED_HEADER = 'x-batoid-refused'

/** Its values: there is no room now, or the replica takes no request any more. */
export type Refusal = 'busy' | 'draining'

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
