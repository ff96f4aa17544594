/**
 * `npm start`: compiles if a source is newer than what was compiled last, then launches the cluster. JavaScript,
 * since it has to run before anything is compiled. Without a target it runs the example.
 */
import { spawnSync } from 'node:child_process'
import { readdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const sources = [
  'cli',
  'controller',
  'proxy',
  'replica',
  'shared',
  'examples',
  'index.ts',
  'tsconfig.json',
  'package.json',
]
const stamp = join(root, 'dist', '.built')

function newest(path) {
  const stat = statSync(path)
  if (!stat.isDirectory()) return stat.mtimeMs
  return Math.max(0, ...readdirSync(path).map((name) => newest(join(path, name))))
}

function isStale() {
  const built = statSync(stamp, { throwIfNoEntry: false })?.mtimeMs ?? 0
  return sources.some((path) => newest(join(root, path)) > built)
}

if (isStale()) {
  const { status } = spawnSync('npm', ['run', '--silent', 'build'], { cwd: root, stdio: 'inherit' })
  if (status !== 0) process.exit(1)
}
process.env['BATOID_DEFAULT_TARGET'] = 'dist/examples/classifier/main.js:app'
process.argv.splice(2, 0, 'run')
await import('../dist/cli/main.js')
