import { readFileSync } from 'node:fs'
import { request } from 'node:http'

/** An answer, but for what differs from run to run: ids are `<id>`, process ids `<pid>`. */
export interface Answer {
  readonly status: number
  readonly body: string
  readonly contentType: string | undefined
  /** `<id>` for one that the server made; '' for an empty one; undefined for none. */
  readonly requestId: string | undefined
  readonly location: string | undefined
  readonly allow: string | undefined
  readonly connection: string | undefined
  /** How the client knows where the body ends. */
  readonly framing: 'content-length' | 'chunked' | 'none'
}

/** One row of the transcript. */
export interface Row {
  readonly method: string
  readonly path: string
  readonly answer: Answer
}

type HeaderLookup = Readonly<Record<string, string | string[] | undefined>>

/** The rows of the transcript that are requests, in their order; `others` are its remaining lines but for comments. */
export function readMatrix(file: string): { readonly rows: Row[]; readonly others: string[] } {
  const lines = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
  const parsed = lines.map((line) => ({ line, row: parseRow(line) }))
  return {
    rows: parsed.flatMap(({ row }) => row ?? []),
    others: parsed.flatMap(({ line, row }) => (row === undefined ? [line] : [])),
  }
}

function parseRow(line: string): Row | undefined {
  const [, method = '', path = '', status, body = '', headers = ''] =
    /^([A-Z]+) (\/\S*) (\d{3}) (.*) (\{'.*\})$/.exec(line) ?? []
  if (status === undefined) return undefined
  const lookup: Record<string, string> = JSON.parse(headers.replaceAll("'", '"'))
  const lower = Object.fromEntries(Object.entries(lookup).map(([name, value]) => [name.toLowerCase(), value]))
  return { method, path, answer: answerOf(Number(status), pythonString(body), lower) }
}

/** What a Python string literal says, or the text itself where the transcript describes instead of quoting. */
function pythonString(text: string): string {
  const quoted = /^(['"])(.*)\1$/s.exec(text)
  if (quoted === null) return text
  return (quoted[2] ?? '').replace(/\\(x[0-9a-f]{2}|n|.)/g, (_, escape: string) => {
    if (escape.length > 1) return String.fromCharCode(Number.parseInt(escape.slice(1), 16))
    return escape === 'n' ? '\n' : escape
  })
}

/** Sends one request as the transcript's client did, on a connection of its own, and nothing that `headers` leaves out. */
export function send(
  port: number,
  method: string,
  path: string,
  headers: Record<string, string> = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const all = { ...CLIENT, host: `127.0.0.1:${port}`, ...headers }
    const client = request({ host: '127.0.0.1', port, method, path, headers: all, agent: false }, (response) => {
      let body = ''
      response.setEncoding('latin1').on('data', (chunk: string) => (body += chunk))
      response.on('end', () => resolve(answerOf(response.statusCode ?? 0, body, response.headers)))
      response.on('error', reject)
    })
    client.on('error', reject).end()
  })
}

const CLIENT = {
  'user-agent': 'python-requests/2.34.2',
  'accept-encoding': 'gzip, deflate',
  accept: '*/*',
  connection: 'keep-alive',
}

function answerOf(status: number, body: string, headers: HeaderLookup): Answer {
  const requestId = headers['x-request-id']
  const { location, allow, connection } = headers
  return {
    status,
    body: mask(body),
    contentType: headers['content-type']?.toString(),
    requestId: requestId === undefined ? undefined : mask(String(requestId)),
    location: location?.toString(),
    allow: allow?.toString(),
    connection: connection === 'close' ? 'close' : undefined,
    framing: framingOf(headers),
  }
}

function framingOf(headers: HeaderLookup): Answer['framing'] {
  if (headers['transfer-encoding'] !== undefined) return 'chunked'
  return headers['content-length'] === undefined ? 'none' : 'content-length'
}

function mask(text: string): string {
  return text
    .replaceAll(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '<id>')
    .replaceAll(/"pid":\d+/g, '"pid":<pid>')
    .replaceAll(/127\.0\.0\.1:\d+/g, '127.0.0.1:<port>')
}
