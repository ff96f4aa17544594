/** The request target as the application below `prefix` sees it. */
export function withoutPrefix(url: string, prefix: string): string {
  if (prefix === '/' || !url.startsWith(prefix)) return url
  const rest = url.slice(prefix.length)
  return rest.startsWith('/') ? rest : `/${rest}`
}
