import { expect } from 'chai'
import { parseWrk } from '../../../bench/wrk.ts'

const PRINTED = `Running 2s test @ http://127.0.0.1:21601/
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     5.88ms    1.05ms  14.90ms   80.00%
    Req/Sec     9.98k   120.00    10.10k    70.00%
  Latency Distribution
     50%  812.00us
     75%    6.10ms
     90%    7.00ms
     99%    1.49s
  20044 requests in 2.00s, 3.02MB read
`

describe('what wrk prints', () => {
  it('is read with its units', () => {
    expect(parseWrk(PRINTED)).to.deep.equal({
      requests: 20044,
      seconds: 2,
      p50Ms: 0.812,
      p99Ms: 1490,
      bytes: 3.02 * 1024 ** 2,
      failed: 0,
    })
  })

  it('counts errors and answers that are none as failed', () => {
    const text = `${PRINTED}  Socket errors: connect 1, read 2, write 0, timeout 4\n  Non-2xx or 3xx responses: 44\n`
    expect(parseWrk(text)).to.include({ requests: 20000, failed: 51 })
  })

  it('is an error when it is no result', () => {
    expect(() => parseWrk('unable to connect to 127.0.0.1:1 Connection refused')).to.throw('wrk printed no result')
  })
})
