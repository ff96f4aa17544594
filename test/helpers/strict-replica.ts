import { rawStandIn, type StandIn } from './proxy.ts'

/** One request as it came over the wire. Header names as they were written. */
export interface Seen {
  readonly method: string
  readonly target: string
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: string
}

/** A stand-in that reads HTTP/1.1 to the letter, forgives nothing, and answers with `METHOD target`. */
export interface StrictReplica extends StandIn {
  /** Complete requests. */
  readonly seen: Seen[]
  /** What was no request, and the bytes that show it. */
  readonly faults: string[]
}

export async function strictReplica(address: string): Promise<StrictReplica> {
  const [seen, faults]: [Seen[], string[]] = [[], []]
  const standIn = await rawStandIn(address, (socket) => {
    let text = ''
    socket.setEncoding('latin1')
    socket.on('data', (chunk: string) => {
      text += chunk
      try {
        for (let read = readRequest(text); read !== undefined; read = readRequest(text)) {
          text = text.slice(read.length)
          seen.push(read.request)
          const body = `${read.request.method} ${read.request.target}`
          const shown = read.request.method === 'HEAD' ? '' : body
          socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${shown}`, 'latin1')
        }
      } catch (error) {
        faults.push(`${String(error)} in ${JSON.stringify(text.slice(0, 300))}`)
        socket.destroy()
      }
    })
  })
  return Object.assign(standIn, { seen, faults })
}

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+"

/** The first request of the text and how long it is; undefined while it is incomplete. RFC 9112, without its leniency. */
function readRequest(text: string): { request: Seen; length: number } | undefined {
  const end = text.indexOf('\r\n\r\n')
  if (end < 0) return undefined
  const [first = '', ...lines] = text.slice(0, end).split('\r\n')
  const line = new RegExp(`^(${TOKEN}) ([\\x21-\\x7e\\x80-\\xff]+) HTTP/1\\.1$`).exec(first)
  if (line === null) throw new Error('bad request line')
  const headers = lines.map((header): [string, string] => {
    const match = new RegExp(`^(${TOKEN}): ?([\\t\\x20-\\x7e\\x80-\\xff]*)$`).exec(header)
    if (match === null) throw new Error('bad header')
    return [match[1] ?? '', match[2] ?? '']
  })
  const body = readBody(text.slice(end + 4), headers)
  if (body === undefined) return undefined
  const request = { method: line[1] ?? '', target: line[2] ?? '', headers, body: body.text }
  return { request, length: end + 4 + body.length }
}

function readBody(
  text: string,
  headers: readonly (readonly [string, string])[],
): { text: string; length: number } | undefined {
  const framing = headers.filter(([name]) => /^(?:content-length|transfer-encoding)$/i.test(name))
  const [, value] = framing[0] ?? ['', '0']
  if (framing.length > 1) throw new Error('more than one framing')
  if (framing[0]?.[0].toLowerCase() === 'transfer-encoding') {
    if (value !== 'chunked') throw new Error('unknown transfer coding')
    return readChunks(text)
  }
  if (!/^\d{1,20}$/.test(value)) throw new Error('bad content-length')
  return text.length < Number(value) ? undefined : { text: text.slice(0, Number(value)), length: Number(value) }
}

function readChunks(text: string): { text: string; length: number } | undefined {
  let [body, at] = ['', 0]
  for (;;) {
    const end = text.indexOf('\r\n', at)
    if (end < 0) return undefined
    const size = text.slice(at, end)
    if (!/^[0-9a-f]{1,12}$/i.test(size)) throw new Error('bad chunk size')
    const bytes = Number.parseInt(size, 16)
    if (text.length < end + 2 + bytes + 2) return undefined
    if (text.slice(end + 2 + bytes, end + 4 + bytes) !== '\r\n') throw new Error('bad end of chunk')
    body += text.slice(end + 2, end + 2 + bytes)
    at = end + 4 + bytes
    if (bytes === 0) return { text: body, length: at }
  }
}
