import { Command } from 'commander'
import { expect } from 'chai'
import { addFlags, addGrpcFunctions, addGrpcPort, environmentOf } from '../../../cli/flags.ts'
import { hasProxies, httpSettingsFrom } from '../../../shared/settings.ts'

function told(...args: string[]) {
  const command = addFlags(new Command())
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
  command.parse(args, { from: 'user' })
  return environmentOf(command.opts(), '/work')
}

describe('the flags of the command', () => {
  it('are told to the processes as their environment variables', () => {
    expect(told()).to.deep.equal({
      BATOID_HTTP_HOST: '127.0.0.1',
      BATOID_HTTP_PORT: '8000',
      BATOID_DASHBOARD_HOST: '127.0.0.1',
      BATOID_DASHBOARD_PORT: '8265',
      BATOID_PROXIES: '1',
      BATOID_PROXY_LOCATION: 'EveryNode',
      BATOID_REQUEST_TIMEOUT_S: '0',
      BATOID_KEEP_ALIVE_TIMEOUT_S: '90',
    })
    const tls = ['--ssl-keyfile', 'a.key', '--ssl-certfile', '/b.pem', '--ssl-ca-certs', 'c.pem']
    const some = told(
      '--request-timeout-s',
      '2.5',
      '--proxies',
      '2',
      '--trusted-proxies',
      '::1',
      '--num-cpus',
      '3',
      ...tls,
    )
    expect(some).to.include({
      BATOID_REQUEST_TIMEOUT_S: '2.5',
      BATOID_TRUSTED_PROXIES: '::1',
      BATOID_NUM_CPUS: '3',
      BATOID_SSL_KEYFILE: '/work/a.key',
      BATOID_SSL_CERTFILE: '/b.pem',
    })
    expect(httpSettingsFrom(some)).to.deep.equal({
      requestTimeoutS: 2.5,
      keepAliveTimeoutS: 90,
      tls: { keyfile: '/work/a.key', certfile: '/b.pem', keyfilePassword: undefined, caCerts: '/work/c.pem' },
      trustedProxies: [{ address: '::1', bits: 128 }],
      proxy: { index: 0, count: 2 },
    })
  })

  it('have defaults that are those of the processes', () => {
    expect(httpSettingsFrom(told())).to.deep.equal(httpSettingsFrom({}))
  })

  it('say what a value must be', () => {
    expect(() => told('--keep-alive-timeout-s', '0')).to.throw('must be a number of seconds above 0')
    expect(() => told('--request-timeout-s', 'x')).to.throw('must be a number of seconds, 0 or more')
    expect(() => told('--trusted-proxies', 'lan')).to.throw('must be IP addresses or networks')
    expect(() => told('--ssl-keyfile', '')).to.throw('must be a file')
  })

  it('say where proxies run, by the words of the reference', () => {
    expect(hasProxies(told())).to.equal(true)
    expect(hasProxies(told('--proxy-location', 'HeadOnly'))).to.equal(true)
    expect(hasProxies(told('--proxy-location', 'Disabled'))).to.equal(false)
    expect(() => told('--proxy-location', 'disabled')).to.throw('must be Disabled, HeadOnly or EveryNode')
  })

  it('take a port for gRPC, which is without effect, and no functions', () => {
    const parse = (...args: string[]) =>
      addGrpcFunctions(addGrpcPort(new Command()))
        .exitOverride()
        .configureOutput({ writeErr: () => {} })
        .parse(args, { from: 'user' })
    expect(parse('--grpc-port', '9000').opts()).to.deep.equal({ grpcPort: '9000' })
    expect(() => parse('--grpc-port', '70000')).to.throw('must be an integer from 0 to 65535')
    expect(() => parse('--grpc-servicer-functions', 'x')).to.throw('batoid has no gRPC: leave them out')
  })
})
