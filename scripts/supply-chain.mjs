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
  'event-pubsub': {
    version: '6.1.1',
    integrity: 'sha512-08nRrPDOAI5QtM/iQRVIs9DiWyFiyG8VCKf/4i71xQAurXm07exshjSY80wSHJMsHPw9cpUxzJPpXjMyHeBTZw==',
  },
  'strong-type': {
    version: '2.0.0',
    integrity: 'sha512-HHrY9qYC7yn+5mlewiI3k9RQM9gZqGQsqbomZcd10Ks0h4RlX01nnkWbCe4AsVPCI6KaFvpkWm1nHMD+Ykup6g==',
  },
  'js-message': {
    version: '3.1.0',
    integrity: 'sha512-k9iKFwzyAbz8gDJXIvIohSBaXeG3PvFzVwUccaDf0vv8LbEMpOvUfpyE6MGrlovliFdhTBUcIvXfSxOZkorWhA==',
  },
  'js-queue': {
    version: '3.1.0',
    integrity: 'sha512-qENB7XiNpXyxg6132Bwz08uq8GQyaVhD53O41d1F45aCHbKD82bkgZYHWqBGsWggDy8KuY5mPzG7oDnUV7Mn8A==',
  },
  'easy-stack': {
    version: '2.1.0',
    integrity: 'sha512-ZpUD5AJeKhRic1RrajfGKuLl721bCeIpnAj1i7BtlC1XX5Mb52ku3e9pDWryV32yndd28ZyqdVsVcBuI7WY2Iw==',
  },
}
const FORBIDDEN = ['peacenotwar', 'oneday-test']

const file = process.argv[2] ?? new URL('../package-lock.json', import.meta.url)
const { packages } = JSON.parse(readFileSync(file, 'utf8'))
const entries = Object.entries(packages).filter(([path]) => path !== '')
const nameOf = (path, entry) => entry.name ?? path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)

function problemsOf([path, entry]) {
  const name = nameOf(path, entry)
  const pinned = PINNED[name]
  // What is for other systems is listed, so that `npm ci` works there, but need not have been fetched when locking.
  const isElsewhere = entry.optional === true && entry.os !== undefined
  if (FORBIDDEN.includes(name)) return [`${path}: ${name} is malware`]
  if (entry.resolved !== undefined) return [`${path}: ${name} comes from ${entry.resolved}, not from the registry`]
  if (entry.integrity === undefined && !isElsewhere) return [`${path}: ${name} has no integrity`]
  if (pinned === undefined) return []
  if (entry.version !== pinned.version)
    return [`${path}: ${name} is ${entry.version}, but only ${pinned.version} was read`]
  if (entry.integrity !== pinned.integrity) return [`${path}: ${name} has another content than what was read`]
  return []
}

const present = new Set(entries.map(([path, entry]) => nameOf(path, entry)))
const missing = Object.keys(PINNED).filter((name) => !present.has(name))
const problems = [...entries.flatMap(problemsOf), ...missing.map((name) => `${name} is missing`)]
for (const problem of problems) console.error(`lockfile: ${problem}`)
process.exitCode = problems.length === 0 ? 0 : 1
