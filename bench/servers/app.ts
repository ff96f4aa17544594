/** The application that `batoid run` gets. */
import { deployment } from 'batoid'
import { hello } from './hello.ts'

// As many as the proxies beside it allow: Ray's default of 5 would measure the queue.
const options = { maxOngoingRequests: 100, rayActorOptions: { numCpus: 0 } }

export const two = deployment(hello, { ...options, numReplicas: 2 }).bind()
export const one = deployment(hello, { ...options, numReplicas: 1 }).bind()
