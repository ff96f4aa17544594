import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Session } from 'node:inspector'
import module, { createRequire } from 'node:module'
import { relative } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

type Load = (url: string, context: object, next: (url: string, context: object) => unknown) => unknown

/** Node 22.15 and later; the types are those of Node 20. */
const { registerHooks } = module as { registerHooks?: (hooks: { readonly load: Load }) => unknown }

/** Begins to see which modules are loaded. Returns which they were, as URLs. */
export function followLoads(): () => readonly string[] {
  return registerHooks === undefined ? followScripts() : followModules(registerHooks)
}

function followModules(register: NonNullable<typeof registerHooks>): () => readonly string[] {
  const urls: string[] = []
  register({
    load(url, context, next) {
      urls.push(url)
      return next(url, context)
    },
  })
  return () => urls
}

/**
 * Node 20 has such hooks only in a thread, whose start takes half as long as a build. V8 tells of scripts as it compiles
 * them; to ask it afterwards, or for what was there before, would miss those that have been collected. CommonJS knows
 * the rest, which is JSON.
 */
function followScripts(): () => readonly string[] {
  const urls: string[] = []
  const { cache } = createRequire(import.meta.url)
  const before = new Set(Object.keys(cache))
  const session = new Session()
  session.connect()
  session.post('Debugger.enable')
  // At a `debugger` statement of the user's, nobody would be there to go on.
  session.post('Debugger.setSkipAllPauses', { skip: true })
  session.on('Debugger.scriptParsed', ({ params }) => urls.push(params.url))
  return () => {
    session.disconnect()
    const required = Object.keys(cache).filter((path) => !before.has(path))
    return [...urls, ...required.map((path) => pathToFileURL(path).href)]
  }
}

/** What compiles TypeScript loads more or less of itself, as its cache has it. */
const COMPILER = /\/node_modules\/(tsx|esbuild)\//

/** A name for what the modules' files hold, wherever the working directory lies. */
export function versionOf(urls: readonly string[], workingDir: string): string {
  const files = new Set(
    urls.flatMap((url) => (url.startsWith('file:') && !COMPILER.test(url) ? [fileURLToPath(bare(url))] : [])),
  )
  const hash = createHash('sha256')
  for (const file of [...files].toSorted()) {
    const content = read(file)
    if (content !== undefined) hash.update(`${relative(workingDir, file)} ${content.length}\n`).update(content)
  }
  return hash.digest('hex').slice(0, 16)
}

/** Without what loaders append to tell versions of a module apart. */
function bare(url: string): string {
  return url.replace(/[?#].*$/, '')
}

/** undefined: whoever loaded it made it up, or it has gone since. */
function read(file: string): Buffer | undefined {
  try {
    return readFileSync(file)
  } catch {
    return undefined
  }
}
