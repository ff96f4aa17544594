import { expect } from 'chai'
import { handshakeFault, isHandshake } from '../../../proxy/handshake.ts'

const headers = {
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
}
const request = { method: 'GET', httpVersion: '1.1', headers }
const withHeaders = (more: Record<string, string | undefined>) => ({ ...request, headers: { ...headers, ...more } })
const faultOf = (more: Record<string, string | undefined>) => handshakeFault(withHeaders(more), true)

describe('a handshake', () => {
  it('is a GET over HTTP/1.1 without a body that asks for websocket, in any case and among others', () => {
    for (const upgrade of ['websocket', 'WebSocket', 'h2c, websocket']) {
      expect(isHandshake(withHeaders({ upgrade })), upgrade).to.equal(true)
    }
    expect(isHandshake(withHeaders({ 'content-length': '0' }))).to.equal(true)
  })

  it('is nothing else', () => {
    expect(isHandshake({ ...request, method: 'POST' })).to.equal(false)
    expect(isHandshake({ ...request, httpVersion: '1.0' })).to.equal(false)
    expect(isHandshake(withHeaders({ upgrade: 'h2c' }))).to.equal(false)
    expect(isHandshake(withHeaders({ upgrade: 'websocket2' }))).to.equal(false)
    expect(isHandshake(withHeaders({ upgrade: undefined }))).to.equal(false)
    expect(isHandshake(withHeaders({ 'content-length': '1' }))).to.equal(false)
    expect(isHandshake(withHeaders({ 'transfer-encoding': 'chunked' }))).to.equal(false)
  })

  it('has no fault if its version is 13 and its key 16 bytes', () => {
    expect(faultOf({})).to.equal(undefined)
  })

  it('of another version is told the right one', () => {
    for (const version of ['8', '14', '', undefined]) {
      const fault = faultOf({ 'sec-websocket-version': version })
      expect([fault?.status, fault?.headers['sec-websocket-version']]).to.deep.equal([426, '13'])
    }
  })

  it('without a key, or with one of the wrong length, is 400', () => {
    for (const key of [undefined, '', 'short', `${headers['sec-websocket-key']}=`]) {
      expect(faultOf({ 'sec-websocket-key': key })?.status, key).to.equal(400)
    }
  })

  it('on a connection that was not handed over is 400, any other request there is none of its business', () => {
    expect(handshakeFault(request, false)?.status).to.equal(400)
    expect(handshakeFault(withHeaders({ upgrade: 'h2c' }), false)).to.equal(undefined)
    expect(handshakeFault(withHeaders({ upgrade: undefined }), false)).to.equal(undefined)
  })
})
