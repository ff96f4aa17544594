/**
 * Part of `npm run check`. node-ipc has been published with malware several times: the lockfile may hold the one
 * version that was read, with the content that was read, and nothing of what those releases brought along.
 */
import { readFileSync } from 'node:fs'

const PINNED = {
  'node-ipc': {
    version: '14.0.0',
    integrity: 'sha512-d5+aogND4Gk6aQkW5KCibliM4Mn12+isHXt8wFghO4Bn0gBSnev3TXJWQ4eEnzrlh5gCG+nwQEZwyayeDtQxQA==',
  },
  'event-pubsub': { version: '6.1.1' },
  'strong-type': { version: '2.0.0' },
  'js-message': { version: '3.1.0' },
  'js-queue': { version: '3.1.0' },
  'easy-stack': { version: '2.1.0' },
}
const FORBIDDEN = ['peacenotwar', 'oneday-test']

const file = process.argv[2] ?? new URL('../package-lock.json', import.meta.url)
const { packages } = JSON.parse(readFileSync(file, 'utf8'))
const problems = Object.entries(packages).flatMap(([path, entry]) => {
  if (path === '') return []
  const name = entry.name ?? path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)
  const pinned = PINNED[name]
  if (FORBIDDEN.includes(name)) return [`${path}: ${name} is malware`]
  if (entry.integrity === undefined && !entry.link) return [`${path}: ${name} has no integrity`]
  if (pinned === undefined) return []
  if (entry.version !== pinned.version)
    return [`${path}: ${name} is ${entry.version}, but only ${pinned.version} was read`]
  if (pinned.integrity !== undefined && entry.integrity !== pinned.integrity)
    return [`${path}: ${name} has another content`]
  return []
})
for (const problem of problems) console.error(`lockfile: ${problem}`)
process.exitCode = problems.length === 0 ? 0 : 1
