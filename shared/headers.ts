/** How a replica tells the proxy, on a 503, that it has not executed the request: another replica may have it. */
export const REFUSED_HEADER = 'x-batoid-refused'
