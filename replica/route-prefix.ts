/** The request target as the application below `prefix`, which it begins with, sees it. */
export function withoutPrefix(url: string, prefix: string): string {
  if (prefix === '/') return url
  const rest = url.slice(url.startsWith(prefix) ? prefix.length : encodedLength(url, prefix))
  if (rest.startsWith('/')) return rest
  return /^%2f/i.test(rest) ? `/${rest.slice(3)}` : `/${rest}`
}

/** Routes are found by the decoded path, so a client may have escaped any byte of the prefix, and must some. */
function encodedLength(url: string, prefix: string): number {
  let length = 0
  for (let bytes = new TextEncoder().encode(prefix).length; bytes > 0; bytes -= 1) length += url[length] === '%' ? 3 : 1
  return length
}

export function withoutQuery(url: string): string {
  const end = url.indexOf('?')
  return end < 0 ? url : url.slice(0, end)
}
