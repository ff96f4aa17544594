/** How a replica tells the proxy, on a 503, that it has not executed the request: another replica may have it. */
export const REFUSED_HEADER = 'x-batoid-refused'

/** Its values: there is no room now, or the replica takes no request any more. */
export type Refusal = 'busy' | 'draining'
