import { readFileSync } from 'node:fs'
import { type RequestOptions, request } from 'node:https'
import { resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'

/** Certificates for localhost and a client, both signed by `ca.pem`; the password of the encrypted key is `secret`. */
export const tlsFile = (name: string): string => resolve('test/fixtures/tls', name)

export const ca = readFileSync(tlsFile('ca.pem'))
export const clientCertificate = { cert: readFileSync(tlsFile('client.pem')), key: readFileSync(tlsFile('client.key')) }

export interface HttpsAnswer {
  readonly status: number | undefined
  readonly headers: Record<string, unknown>
  readonly body: string
}

export function getHttps(port: number, path: string, options: RequestOptions = {}): Promise<HttpsAnswer> {
  return new Promise((settle, fail) => {
    const sent = request({ host: 'localhost', port, path, ca, agent: false, family: 4, ...options }, (response) => {
      text(response).then((body) => settle({ status: response.statusCode, headers: response.headers, body }), fail)
    })
    sent.on('error', fail)
    sent.end()
  })
}

export function connectTls(port: number, options: ConnectionOptions = {}): Promise<TLSSocket> {
  return new Promise((settle, fail) => {
    const socket = connect({ host: '127.0.0.1', port, servername: 'localhost', ca, ...options }, () => settle(socket))
    socket.on('error', fail)
  })
}
