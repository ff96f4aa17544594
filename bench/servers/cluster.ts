/** Two workers of node:cluster: no hop, and so no routing by request, no retries, no limits, no ids. */
import cluster from 'node:cluster'

if (cluster.isPrimary) {
  cluster.fork()
  cluster.fork()
} else {
  await import('./replica.ts')
}
