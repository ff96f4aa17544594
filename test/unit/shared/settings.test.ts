import { expect } from 'chai'
import { cpusFrom, httpAddressFrom, httpSettingsFrom, inheritedSocket, sessionFrom } from '../../../shared/settings.ts'

describe('the settings of a process', () => {
  it('are 127.0.0.1:8000 and one place a user when nothing is said', () => {
    expect(httpAddressFrom({})).to.deep.equal({ host: '127.0.0.1', port: 8000 })
    expect(sessionFrom({}, '/tmp', () => 'me')).to.deep.equal({ directory: '/tmp/batoid-me/procfile' })
    expect(cpusFrom({}, 4)).to.equal(4)
  })

  it('name the variable that has a wrong value', () => {
    expect(() => httpAddressFrom({ BATOID_HTTP_PORT: '80x' })).to.throw("BATOID_HTTP_PORT is '80x'")
    expect(() => httpAddressFrom({ BATOID_HTTP_PORT: '65536' })).to.throw('0 to 65535')
    expect(() => cpusFrom({ BATOID_NUM_CPUS: '' }, 4)).to.throw('BATOID_NUM_CPUS')
  })

  it('take a listening socket only if it is meant for this process', () => {
    expect(inheritedSocket({ LISTEN_FDS: '1', LISTEN_PID: '7' }, 7)).to.equal(3)
    expect(inheritedSocket({ LISTEN_FDS: '1', LISTEN_PID: '7' }, 8)).to.equal(undefined)
    expect(inheritedSocket({ LISTEN_PID: '7' }, 7)).to.equal(undefined)
  })

  it('of HTTPS are a key and a certificate, or nothing', () => {
    expect(httpSettingsFrom({}).tls).to.equal(null)
    const both = { BATOID_SSL_KEYFILE: 'k', BATOID_SSL_CERTFILE: 'c' }
    expect(httpSettingsFrom({ ...both, BATOID_SSL_KEYFILE_PASSWORD: 'p', BATOID_SSL_CA_CERTS: 'a' }).tls).to.deep.equal(
      {
        keyfile: 'k',
        certfile: 'c',
        keyfilePassword: 'p',
        caCerts: 'a',
      },
    )
    for (const env of [{ BATOID_SSL_KEYFILE: 'k' }, { BATOID_SSL_CERTFILE: 'c' }, { BATOID_SSL_CA_CERTS: 'a' }]) {
      expect(() => httpSettingsFrom(env)).to.throw('HTTPS needs both a key and a certificate')
    }
  })

  it('of one of several proxies are its index and their number', () => {
    expect(httpSettingsFrom({ BATOID_PROXIES: '3', BATOID_PROXY_INDEX: '2' }).proxy).to.deep.equal({
      index: 2,
      count: 3,
    })
    expect(() => httpSettingsFrom({ BATOID_PROXIES: '0' })).to.throw(
      "BATOID_PROXIES is '0', but must be an integer from 1",
    )
    expect(() => httpSettingsFrom({ BATOID_PROXY_INDEX: '1' })).to.throw('BATOID_PROXY_INDEX is 1, but must be below')
  })
})
