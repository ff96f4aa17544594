import { expect } from 'chai'
import { cpusFrom, httpAddressFrom, inheritedSocket, sessionFrom } from '../../../shared/settings.ts'

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
})
