/** Keep-alive load in a process of its own: `node load.mjs url connections requests`. Prints what came of it as JSON. */
import autocannon from 'autocannon'

const [url = '', connections, amount] = process.argv.slice(2)
const result = await autocannon({ url, connections: Number(connections), amount: Number(amount), workers: 1 })
const { errors, timeouts, non2xx, '2xx': ok, requests, latency } = result
console.log(JSON.stringify({ errors, timeouts, non2xx, ok, perSecond: requests.average, p99Ms: latency.p99 }))
