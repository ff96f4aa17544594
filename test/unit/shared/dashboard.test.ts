import { expect } from 'chai'
import { dashboardFrom, urlOf } from '../../../shared/dashboard.ts'
import { withoutSecrets } from '../../../shared/secrets.ts'

describe('where the REST API is', () => {
  it('is 127.0.0.1:8265, for whoever can reach it, when nothing is said', () => {
    expect(dashboardFrom({})).to.deep.equal({ address: { host: '127.0.0.1', port: 8265 }, token: undefined })
  })

  it('is nowhere that others can reach without a token', () => {
    for (const host of ['127.0.0.1', '127.1.2.3', '::1', 'localhost']) dashboardFrom({ BATOID_DASHBOARD_HOST: host })
    for (const host of ['0.0.0.0', '::', '10.0.0.1', 'example.com', '127.0.0.1.example.com']) {
      const env = { BATOID_DASHBOARD_HOST: host }
      expect(() => dashboardFrom(env), host).to.throw('set BATOID_AUTH_TOKEN')
      expect(dashboardFrom({ ...env, BATOID_AUTH_TOKEN: 'open-sesame' }).token).to.equal('open-sesame')
    }
  })

  it('takes no token that is a guess or cannot be sent, and does not repeat it', () => {
    for (const token of ['', 'short', 'open sesame', 'ouvre-toi-sésame']) {
      const dashboard = () => dashboardFrom({ BATOID_AUTH_TOKEN: token })
      expect(dashboard).to.throw('BATOID_AUTH_TOKEN must be at least 8 characters')
      if (token !== '') expect(dashboard).to.not.throw(token)
    }
  })

  it('has a URL', () => {
    expect([urlOf({ host: '::1', port: 1 }), urlOf({ host: 'localhost', port: 2 })]).to.deep.equal([
      'http://[::1]:1',
      'http://localhost:2',
    ])
  })
})

describe('what user code finds in its environment', () => {
  it('is everything but the secrets', () => {
    const env = { A: '1', BATOID_AUTH_TOKEN: 'open-sesame', BATOID_SSL_KEYFILE_PASSWORD: 'secret' }
    expect(withoutSecrets(env)).to.deep.equal({ A: '1' })
  })
})
