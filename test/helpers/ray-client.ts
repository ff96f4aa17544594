import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** One call of the reference's own client, as it was once seen. */
export interface Call {
  readonly command: readonly string[]
  readonly requests: readonly Asked[]
  readonly output: string
}

export interface Asked {
  readonly method: string
  readonly path: string
  readonly body: unknown
  readonly status: number
}

/** Where the reference's client is installed; other packages have commands of this name too. */
export function findRayClient(): string | undefined {
  const directories = (process.env['PATH'] ?? '').split(':')
  const isRays = (file: string) => existsSync(file) && readFileSync(file, 'latin1').includes('ray.serve')
  return directories.map((directory) => join(directory, 'serve')).find(isRays)
}

/** Notes what a client asks a server, between the two. */
export async function relayTo(url: string) {
  const asked: Asked[] = []
  const relay = async (request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const text = Buffer.concat(chunks).toString()
    const { method = '', url: path = '' } = request
    const headers = { 'content-type': request.headers['content-type'] ?? 'text/plain' }
    const answer = await fetch(url + path, { method, headers, ...(text === '' ? {} : { body: text }) })
    asked.push({ method, path, body: text === '' ? null : JSON.parse(text), status: answer.status })
    response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? 'text/plain' })
    response.end(await answer.text())
  }
  const server = createServer((...pair) => void relay(...pair)).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    take: () => asked.splice(0),
    close: () => server.close(),
  }
}

/** Runs the client; what differs from run to run is masked. */
export async function callRayClient(client: string, command: readonly string[], address: string): Promise<string> {
  const [name = '', ...args] = command
  const { stdout, stderr } = await promisify(execFile)(client, [name, '--address', address, ...args])
  return mask(stdout + stderr)
}

export function mask(text: string): string {
  return text
    .replaceAll(/\u001b\[\d+m/g, '')
    .replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}/g, '<time>')
    .replaceAll(/\d{10}\.\d+/g, '<seconds>')
    .replaceAll(/[0-9a-f]{56}/g, '<node>')
    .replaceAll(/scripts\.py:\d+/g, 'scripts.py')
    .replaceAll(/'[^']*\/(\w+\.yaml)'/g, "'$1'")
    .replaceAll(/http:\/\/127\.0\.0\.1:\d+/g, '<address>')
}
