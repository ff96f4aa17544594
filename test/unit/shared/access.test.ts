import { expect } from 'chai'
import { showAccess } from '../../../shared/access.ts'

describe('showAccess', () => {
  const lineOf = (durationMs: number) => showAccess({ method: 'GET', route: '/docs', status: 200, durationMs })

  it('shows tenths of milliseconds, of which there is always one', () => {
    expect([0, 0.04, 0.06, 1, 9.96, 1234.56].map(lineOf)).to.eql(
      ['0.0', '0.0', '0.1', '1.0', '10.0', '1234.6'].map((ms) => `GET /docs 200 ${ms}ms`),
    )
  })
})
