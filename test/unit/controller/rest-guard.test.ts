import { expect } from 'chai'
import { refusalOf } from '../../../controller/rest-guard.ts'

const asker = { host: '127.0.0.1:8265', origin: undefined, authorization: undefined, isHarmless: false }
const isToken = (text: string) => text === 'open-sesame'

describe('who may ask the REST API', () => {
  it('is who asks this machine by its own name, where no token is asked for', () => {
    for (const host of ['localhost', 'LOCALHOST:1', '127.0.0.1:8265', '127.8.0.1', '[::1]:8265']) {
      expect(refusalOf({ ...asker, host }, undefined), host).to.equal(undefined)
    }
    const foreign = [
      'evil.example',
      'evil.example:8265',
      'localhost.evil.example',
      '127.0.0.1.evil.example',
      '10.0.0.1',
    ]
    for (const host of [...foreign, '[::2]', '', undefined]) {
      expect(refusalOf({ ...asker, host }, undefined)?.status, String(host)).to.equal(403)
    }
  })

  it('is no page of another site, whatever it knows', () => {
    const authorization = 'Bearer open-sesame'
    for (const origin of ['https://evil.example', 'null', 'http://127.0.0.1:9', 'http://localhost:8265', '']) {
      expect(refusalOf({ ...asker, origin }, undefined)?.status, origin).to.equal(403)
      expect(refusalOf({ ...asker, origin, authorization }, isToken)?.status, origin).to.equal(403)
    }
    expect(refusalOf({ ...asker, origin: 'http://127.0.0.1:8265' }, undefined)).to.equal(undefined)
  })

  it('is who knows the token, under whatever name', () => {
    const ask = (authorization?: string) =>
      refusalOf({ ...asker, host: 'batoid.example', authorization }, isToken)?.status
    expect([ask('Bearer open-sesame'), ask('bearer  open-sesame ')]).to.deep.equal([undefined, undefined])
    const wrong = [undefined, '', 'Bearer', 'Bearer open', 'Basic open-sesame', 'Bearer open-sesame x', 'open-sesame']
    expect(wrong.map(ask)).to.deep.equal(wrong.map(() => 401))
  })

  it('needs no token for what is no secret', () => {
    expect(refusalOf({ ...asker, isHarmless: true }, isToken)).to.equal(undefined)
    expect(refusalOf({ ...asker, isHarmless: true, host: 'evil.example' }, undefined)?.status).to.equal(403)
  })
})
