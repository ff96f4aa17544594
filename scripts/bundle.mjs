/**
 * Completes the build. Bundles each process into one file and what it shares with others, since reading a few hundred
 * small modules is most of what a process start costs (docs/decisions/0006-bundles.md); puts what /docs loads beside
 * its code, so that users install neither swagger-ui-dist (12 MB) nor its telemetry; and marks when all that was made,
 * so that `npm start` knows whether it is stale.
 */
import { cp, mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('..', import.meta.url))
const dist = join(root, 'dist')
const mains = [
  'cli/main.ts',
  'controller/main.ts',
  'proxy/main.ts',
  'replica/main.ts',
  'replica/build/main.ts',
  'replica/watchdog/main.ts',
]

const { metafile } = await build({
  absWorkingDir: root,
  entryPoints: mains,
  outbase: '.',
  outdir: 'dist',
  bundle: true,
  splitting: true,
  chunkNames: 'chunks/[hash]',
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  // It compiles what users write, and finds its own parts by their places.
  external: ['tsx'],
  // CommonJS packages ask for Node's modules in their way.
  banner: {
    js: "import { createRequire as requireFrom } from 'node:module';const require = requireFrom(import.meta.url);",
  },
  // V8 keeps the text of all that is loaded, and twice the bytes of it for one character beyond Latin-1 in a comment.
  minifyWhitespace: true,
  lineLimit: 160,
  // Winston's diagnostics, with their colours, are for those who work on it.
  define: { 'process.env.NODE_ENV': '"production"' },
  allowOverwrite: true,
  metafile: true,
  logLevel: 'warning',
})
const current = new Set(Object.keys(metafile.outputs).map((path) => basename(path)))
const chunks = join(dist, 'chunks')
const stale = (await readdir(chunks)).filter((name) => !current.has(name))
await Promise.all(stale.map((name) => rm(join(chunks, name))))

const from = new URL('./', import.meta.resolve('swagger-ui-dist/package.json'))
const served = ['swagger-ui-bundle.js', 'swagger-ui.css', 'favicon-32x32.png']
const licences = ['LICENSE', 'NOTICE', 'swagger-ui-bundle.js.LICENSE.txt']
const to = join(dist, 'swagger-ui')
await mkdir(to, { recursive: true })
await Promise.all([...served, ...licences].map((name) => cp(new URL(name, from), join(to, name))))

await writeFile(join(dist, '.built'), '')
