import { expect } from 'chai'
import { jsonLine } from '../../../shared/log-json.ts'

const nowMs = new Date(2026, 10, 22, 7, 31, 53, 790).getTime()
const identity = { process: 7, component_name: 'replica', application: 'app1' }

describe('a JSON log line', () => {
  it("has Ray's keys in Ray's order, on one line", () => {
    const line = jsonLine(identity, {
      level: 'INFO',
      nowMs,
      message: 'GET /app1 200 1.0ms',
      route: '/app1',
      requestId: 'x',
      site: { filename: 'main.ts', lineno: 12 },
    })
    expect(line).to.match(/^\{.*\}\n$/)
    expect(Object.entries(JSON.parse(line) as object).map(([key, value]) => `${key}=${value}`)).to.deep.equal([
      'asctime=2026-11-22 07:31:53,790',
      'levelname=INFO',
      'message=GET /app1 200 1.0ms',
      'filename=main.ts',
      'lineno=12',
      'process=7',
      'component_name=replica',
      'application=app1',
      'route=/app1',
      'request_id=x',
      `timestamp_ns=${nowMs * 1e6}`,
    ])
    expect(line).to.contain(`"timestamp_ns":${nowMs}000000}`)
  })

  it('leaves out what it does not know, and lets nothing out of its line', () => {
    const line = jsonLine(identity, { level: 'ERROR', nowMs, message: 'a\nb\u001b[31m"\ud800' })
    expect(line.split('\n')).to.have.lengthOf(2)
    expect(line).to.not.match(/request_id|route|filename|lineno|\u001b/)
    expect(JSON.parse(line)).to.include({ message: 'a\nb\u001b[31m"\ud800' })
  })
})
