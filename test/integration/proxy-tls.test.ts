import type { ServerResponse } from 'node:http'
import { expect } from 'chai'
import { httpVariables, type TlsFiles } from '../../shared/settings.ts'
import { loadCredentials } from '../../shared/tls.ts'
import { eventually } from '../helpers/eventually.ts'
import { type Bench, exchangeRaw, rawClient, type StandIn, startBench } from '../helpers/proxy.ts'
import { clientCertificate, connectTls, getHttps, tlsFile } from '../helpers/tls.ts'

const files: TlsFiles = {
  keyfile: tlsFile('server.key'),
  certfile: tlsFile('server.pem'),
  keyfilePassword: undefined,
  caCerts: undefined,
}

describe('HTTPS', () => {
  let bench: Bench
  let replica: StandIn
  let held: ServerResponse[]

  async function start(options: { files?: Partial<TlsFiles>; handshakeMs?: number } = {}): Promise<void> {
    const { handshakeMs = 60_000 } = options
    held = []
    bench = await startBench({ credentials: loadCredentials({ ...files, ...options.files }), limits: { handshakeMs } })
    replica = await bench.standIn((request, response) => {
      if (request.url === '/hold') held.push(response)
      else response.end(JSON.stringify(request.headers))
    })
    bench.serve(replica)
  }

  afterEach(async () => {
    await bench.stop()
    expect(bench.proxy.gauges).to.deep.equal({ ongoing: 0, queued: 0, leased: 0 })
  })

  it('tells the replica that the client came by https', async () => {
    await start()
    const { status, body } = await getHttps(bench.port, '/')
    expect(status).to.equal(200)
    expect(JSON.parse(body)).to.include({ 'x-forwarded-proto': 'https', 'x-forwarded-for': '127.0.0.1' })
    await eventually(() => bench.lines.length > 0)
    expect(bench.lines.map((line) => line.status)).to.deep.equal([200])
  })

  it('takes an encrypted key with its password', async () => {
    await start({ files: { keyfile: tlsFile('server-encrypted.key'), keyfilePassword: 'secret' } })
    expect((await getHttps(bench.port, '/')).status).to.equal(200)
  })

  it('breaks off an answer to a client of HTTP/1.0 without harm to others', async () => {
    await start()
    const socket = await connectTls(bench.port)
    socket.on('error', () => {})
    socket.write('GET /hold HTTP/1.0\r\n\r\n')
    await eventually(() => held.length === 1)
    held[0]?.write('begun')
    await eventually(() => socket.bytesRead > 0)
    held[0]?.destroy()
    await eventually(() => socket.destroyed || socket.readableEnded || bench.proxy.gauges.ongoing === 0)
    expect((await getHttps(bench.port, '/')).status).to.equal(200)
    socket.destroy()
  })

  it('speaks HTTP/1.1 to a client that would rather have HTTP/2', async () => {
    await start()
    const socket = await connectTls(bench.port, { ALPNProtocols: ['h2', 'http/1.1'] })
    expect(socket.alpnProtocol).to.equal('http/1.1')
    socket.destroy()
  })

  it('with authorities serves only clients that show a certificate of theirs', async () => {
    await start({ files: { caCerts: tlsFile('ca.pem') } })
    const error = await getHttps(bench.port, '/').catch((e: unknown) => e)
    expect(error).to.be.instanceOf(Error)
    expect(replica.requests).to.deep.equal([])
    expect((await getHttps(bench.port, '/', clientCertificate)).status).to.equal(200)
  })

  it('hangs up on clients that speak HTTP, send garbage, reset or say nothing, and serves the others', async () => {
    await start({ handshakeMs: 300 })
    expect(await exchangeRaw(bench.port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n')).to.not.match(/HTTP/)
    await exchangeRaw(bench.port, '\x00'.repeat(1000))
    const reset = rawClient(bench.port, '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03')
    await eventually(() => reset.socket.bytesWritten > 0)
    reset.socket.resetAndDestroy()
    const mute = rawClient(bench.port)
    expect((await getHttps(bench.port, '/')).status).to.equal(200)
    await eventually(() => mute.isClosed)
    expect(bench.problems).to.deep.equal([])
    expect(bench.lines).to.have.length(1)
  })

  it('answers what is no request inside of TLS', async () => {
    await start()
    const socket = await connectTls(bench.port)
    let text = ''
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()))
    socket.write('garbage\r\n\r\n')
    await eventually(() => socket.closed)
    expect(text).to.match(/^HTTP\/1.1 400 Bad Request\r\n/)
  })

  it('lets requests finish when the proxy closes, and waits for no handshake and no idle connection', async () => {
    await start()
    const mute = rawClient(bench.port)
    const idle = await connectTls(bench.port)
    const answer = getHttps(bench.port, '/hold')
    await eventually(() => held.length === 1 && !mute.socket.connecting)
    const connections = () =>
      new Promise<number>((resolve) => bench.proxy.server.getConnections((_, count) => resolve(count)))
    await eventually(async () => (await connections()) === 3)
    const closed = bench.proxy.close(20_000)
    await eventually(() => mute.isClosed && idle.closed)
    held[0]?.end('finished')
    expect(await answer).to.include({ status: 200, body: 'finished' })
    await closed
  })
})

describe('the files of TLS', () => {
  const cases: [string, Partial<TlsFiles>, RegExp][] = [
    [
      'a key that is not there',
      { keyfile: tlsFile('no.key') },
      /^cannot serve HTTPS: cannot read the private key: ENOENT.*no\.key/,
    ],
    ['a directory', { certfile: tlsFile('.') }, /cannot read the certificate: EISDIR/],
    [
      'the key of another certificate',
      { keyfile: tlsFile('client.key') },
      /client\.key does not belong to .*server\.pem$/,
    ],
    [
      'a wrong password',
      { keyfile: tlsFile('server-encrypted.key'), keyfilePassword: 'guess' },
      /password .*server-encrypted\.key is wrong or missing/,
    ],
    ['no password', { keyfile: tlsFile('server-encrypted.key') }, /password .*is wrong or missing/],
    [
      'a certificate that is none',
      { certfile: tlsFile('server.key') },
      /the certificate, .*server\.key, is not in PEM format/,
    ],
    [
      'authorities that are none',
      { caCerts: tlsFile('server.key') },
      /the certificates of authorities, .*server\.key, is not/,
    ],
    ['a key that is none', { keyfile: tlsFile('server.pem') }, /the private key .*server\.pem with .*server\.pem: /],
  ]
  for (const [what, wrong, says] of cases) {
    it(`are refused with one clear error: ${what}`, () => {
      expect(() => loadCredentials({ ...files, ...wrong })).to.throw(says)
    })
  }

  it('never appear in an error with their password', () => {
    const given = { ...files, keyfile: tlsFile('server-encrypted.key'), keyfilePassword: 'guess' }
    expect(() => loadCredentials(given))
      .to.throw()
      .with.property('message')
      .that.does.not.include('guess')
    expect(httpVariables.sslKeyfilePassword.read('guess')).to.equal('guess')
  })
})
