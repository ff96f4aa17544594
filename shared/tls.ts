import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import { messageOf, ServeError } from './errors.ts'
import type { TlsFiles } from './settings.ts'

/** What a TLS server is created with. */
export interface Credentials {
  readonly key: Buffer
  readonly cert: Buffer
  readonly passphrase: string | undefined
  readonly ca: Buffer | undefined
}

/**
 * Reads the files, and makes sure that a server can be made of them.
 *
 * @throws ServeError `tls_unusable`
 */
export function loadCredentials({ keyfile, certfile, keyfilePassword, caCerts }: TlsFiles): Credentials {
  const key = read('the private key', keyfile)
  const cert = readCertificate('the certificate', certfile)
  const ca = caCerts === undefined ? undefined : readCertificate('the certificates of authorities', caCerts)
  const credentials = { key, cert, passphrase: keyfilePassword, ca }
  try {
    createSecureContext(credentials)
    return credentials
  } catch (error) {
    throw unusable(explain(error, keyfile, certfile))
  }
}

function readCertificate(what: string, file: string): Buffer {
  const pem = read(what, file)
  if (isCertificate(pem)) return pem
  throw unusable(`${what}, ${file}, is not in PEM format (-----BEGIN CERTIFICATE-----)`)
}

function isCertificate(pem: Buffer): boolean {
  try {
    return new X509Certificate(pem).subject !== null
  } catch {
    return false
  }
}

function read(what: string, file: string): Buffer {
  try {
    return readFileSync(file)
  } catch (error) {
    throw unusable(`cannot read ${what}: ${messageOf(error)}`)
  }
}

function explain(error: unknown, keyfile: string, certfile: string): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  if (code.includes('KEY_VALUES_MISMATCH')) return `the private key ${keyfile} does not belong to ${certfile}`
  if (/BAD_DECRYPT|PASSWORD|PASSPHRASE|INTERRUPTED_OR_CANCELLED/.test(code)) {
    return `the password of the private key ${keyfile} is wrong or missing: see BATOID_SSL_KEYFILE_PASSWORD`
  }
  return `the private key ${keyfile} with ${certfile}: ${messageOf(error)}`
}

function unusable(problem: string): ServeError {
  return new ServeError('tls_unusable', `cannot serve HTTPS: ${problem}`)
}
