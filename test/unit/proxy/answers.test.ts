import { expect } from 'chai'
import * as answers from '../../../proxy/answers.ts'
import { deploymentId } from '../../../shared/ids.ts'
import { routeTo } from '../../helpers/route.ts'

describe("the proxy's own answers", () => {
  it('are plain text with their encoding, as those of the reference', () => {
    expect(answers.healthy).to.deep.equal({
      status: 200,
      body: 'success',
      headers: { 'content-type': 'text/plain; charset=utf-8' },
    })
    expect(answers.failed).to.include({ status: 500, body: 'Internal Server Error' })
    expect(answers.lost).to.include({ status: 502 })
    expect(answers.deployFailed(deploymentId({ application: 'bad', deployment: 'Bad' }))).to.include({
      status: 503,
      body: `Deployment(name='Bad', app='bad') is unavailable because it failed to deploy.`,
    })
  })

  it('show a path without the characters that would move a cursor or start a line', () => {
    const path = '/a\r\nb\x1b[2J\x7f\x9b\u202e\u2028ü'
    expect(answers.notFound(path).body).to.equal(
      "Path '/a\\u{d}\\u{a}b\\u{1b}[2J\\u{7f}\\u{9b}\\u{202e}\\u{2028}ü' not found. " +
        'Ping http://.../-/routes for available routes.',
    )
  })

  it('tell how long the queue was, and how long to wait if that is configured', () => {
    const route = routeTo({ maxQueuedRequests: 1 })
    expect(answers.backpressure(1, route)).to.deep.include({
      status: 503,
      body: 'Request dropped due to backpressure (num_queued_requests=1, max_queued_requests=1).',
      headers: { 'content-type': 'text/plain; charset=utf-8' },
    })
    const told = answers.backpressure(1, { ...route, backpressure: { statusCode: 429, retryAfterS: 0.1 } })
    expect([told.status, told.headers['retry-after']]).to.deep.equal([429, '1'])
  })
})
