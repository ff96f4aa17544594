/** What the first line of a request asks for. */
export interface Target {
  /** Path and query as the client wrote them, byte for byte: what the replica gets. */
  readonly origin: string
  /** The path percent-decoded, without the query: what route prefixes are compared with. */
  readonly path: string
  /** The host of an absolute-form target, which outranks the Host header (RFC 9112, 3.2.2). */
  readonly authority: string | undefined
}

interface Prefixed {
  readonly prefix: string
}

/** Undefined for what no origin server can answer: authority-form, `*`, other schemes, bytes that no URL may have. */
export function readTarget(url: string): Target | undefined {
  if (!/^[\x21-\x7e\x80-\xff]+$/.test(url)) return undefined
  if (url.startsWith('/')) return { origin: url, path: pathOf(url), authority: undefined }
  const [, authority, rest = ''] = /^https?:\/\/([^/?#]+)(.*)$/i.exec(url) ?? []
  if (authority === undefined || !isHost(authority)) return undefined
  const origin = rest.startsWith('/') ? rest : `/${rest}`
  return { origin, path: pathOf(origin), authority }
}

/** RFC 3986, 3.2.2: a name or an address, with or without a port. May be empty, as in a Host header of nothing. */
export function isHost(text: string): boolean {
  return /^(?:\[[\da-f:.]+\]|[\w.~!$&'()*+,;=%-]*)(?::\d*)?$/i.test(text)
}

/** The first of `routes` (longest prefix first) whose prefix the path begins with, at a segment boundary. */
export function findRoute<T extends Prefixed>(routes: readonly T[], path: string): T | undefined {
  return routes.find(({ prefix }) => {
    if (!path.startsWith(prefix)) return false
    return prefix.endsWith('/') || path.length === prefix.length || path[prefix.length] === '/'
  })
}

export function longestFirst<T extends Prefixed>(routes: readonly T[]): readonly T[] {
  return routes.toSorted((a, b) => b.prefix.length - a.prefix.length)
}

function pathOf(origin: string): string {
  const [path = ''] = origin.split(/[?#]/, 1)
  if (!path.includes('%')) return path
  try {
    return decodeURIComponent(path)
  } catch {
    // Malformed escapes: the reference compares what was written.
    return path
  }
}
