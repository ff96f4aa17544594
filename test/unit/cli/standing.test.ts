import { expect } from 'chai'
import { standing } from '../../../cli/standing.ts'

const entries = [
  { name: 'controller', command: 'c' },
  { name: 'proxy', command: 'p' },
  { name: 'other', command: 'o' },
]
const env = { BATOID_X: '1', BATOID_SSL_KEYFILE_PASSWORD: 'secret', BATOID_AUTH_TOKEN: 'token' }
const { BATOID_AUTH_TOKEN: _, ...password } = env
const { BATOID_SSL_KEYFILE_PASSWORD: __, ...token } = env

describe('the processes that are kept alive', () => {
  it('are one for each line of the Procfile, and as many proxies as are wanted', () => {
    const all = standing(entries, { env, proxies: 3, sockets: [7], dashboardSockets: [8] })
    expect(all.map(({ name, command, prefix, isProxy }) => [name, command, prefix, isProxy])).to.deep.equal([
      ['controller', 'c', 'ServeController', false],
      ['proxy', 'p', 'ProxyActor', true],
      ['proxy-2', 'p', 'ProxyActor', true],
      ['proxy-3', 'p', 'ProxyActor', true],
      ['other', 'o', 'other', false],
    ])
  })

  it('get the sockets and secrets that they need and no others, and each proxy knows which it is', () => {
    const all = standing(entries, { env, proxies: 2, sockets: [7], dashboardSockets: [8] })
    expect(all.map(({ sockets }) => sockets)).to.deep.equal([[8], [7], [7], []])
    expect(all.map((one) => one.env)).to.deep.equal([
      token,
      { ...password, BATOID_PROXY_INDEX: '0' },
      { ...password, BATOID_PROXY_INDEX: '1' },
      { BATOID_X: '1' },
    ])
  })
})
