// Completes the build: puts what /docs loads into it, so that users install neither swagger-ui-dist (12 MB) nor its
// telemetry, and marks when it was made, so that `npm start` knows whether it is stale.
import { cp, mkdir, writeFile } from 'node:fs/promises'

const from = new URL('./', import.meta.resolve('swagger-ui-dist/package.json'))
const to = new URL('../dist/replica/swagger-ui/', import.meta.url)
const served = ['swagger-ui-bundle.js', 'swagger-ui.css', 'favicon-32x32.png']
const licences = ['LICENSE', 'NOTICE', 'swagger-ui-bundle.js.LICENSE.txt']

await mkdir(to, { recursive: true })
await Promise.all([...served, ...licences].map((name) => cp(new URL(name, from), new URL(name, to))))
await writeFile(new URL('../dist/.built', import.meta.url), '')
