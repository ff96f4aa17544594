import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { expect } from 'chai'
import { catalogue } from '../../shared/errors.ts'
import { VERSION } from '../../shared/version.ts'

/** Which folders a folder may import from, besides itself. */
const mayImport: Record<string, readonly string[]> = {
  shared: [],
  controller: ['shared'],
  proxy: ['shared'],
  replica: ['shared'],
  cli: ['shared'],
}

interface Module {
  readonly path: string
  readonly text: string
  readonly imports: readonly string[]
}

const modules: Module[] = Object.keys(mayImport)
  .flatMap((folder) => readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((file) => join(folder, file)))
  .filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts'))
  .map((path) => {
    const text = readFileSync(path, 'utf8')
    return { path, text, imports: importsOf(path, text) }
  })

function importsOf(path: string, text: string): string[] {
  const specifiers = [...text.matchAll(/^(?:import|export)\b[^;]*?from '([^']+)'|\bimport\('([^']+)'\)/gm)].map(
    (match) => match[1] ?? match[2] ?? '',
  )
  return specifiers.map((specifier) =>
    specifier.startsWith('.') ? normalize(join(dirname(path), specifier)) : specifier,
  )
}

const folderOf = (path: string): string => path.split('/')[0] ?? ''
const map = readFileSync('docs/architecture.md', 'utf8')
const named = [...map.matchAll(/^- `([^`]+\.ts)`(●?)/gm)].map(([, path, edge]) => ({ path, isEdge: edge === '●' }))
const edges = new Set(named.filter(({ isEdge }) => isEdge).map(({ path }) => path))

describe('the architecture', () => {
  it('lets every import point down: a process imports shared/, never another process', () => {
    for (const { path, imports } of modules) {
      for (const target of imports.filter((name) => name.endsWith('.ts'))) {
        expect([folderOf(path), ...(mayImport[folderOf(path)] ?? [])], `${path} imports ${target}`).to.include(
          folderOf(target),
        )
      }
    }
  })

  it('touches the outside world only in the edges that docs/architecture.md marks with ●', () => {
    const importers = modules.filter(({ imports }) => imports.some((name) => name.startsWith('node:')))
    expect(importers.map(({ path }) => path).filter((path) => !edges.has(path))).to.deep.equal([])
  })

  it('marks no file as an edge that is none', () => {
    const touches = (module: Module) =>
      module.imports.some((name) => name.startsWith('node:')) ||
      /\b(process|setTimeout|performance)\./.test(module.text) ||
      /\bset(?:Timeout|Immediate)\(/.test(module.text)
    expect(
      [...edges].filter((path) => !modules.some((module) => module.path === path && touches(module))),
    ).to.deep.equal([])
  })

  it('reads environment variables in main.ts files alone', () => {
    const readers = modules.filter(({ text }) => text.includes('process.env')).map(({ path }) => path)
    expect(readers.filter((path) => !path.endsWith('main.ts'))).to.deep.equal([])
  })

  it('keeps in shared/ only what two folders need', () => {
    for (const { path } of modules.filter(({ path }) => folderOf(path) === 'shared')) {
      const users = new Set(
        modules.filter(({ imports }) => imports.includes(path)).map((module) => folderOf(module.path)),
      )
      if (readFileSync('index.ts', 'utf8').includes(path)) users.add('index')
      // What users import is needed by all of them.
      expect(
        users.has('shared') || users.has('index') || users.size >= 2,
        `${path} is used only by ${[...users].join()}`,
      ).to.equal(true)
    }
  })

  it('is mapped: docs/architecture.md names every file, and only files that exist', () => {
    expect(named.map(({ path }) => path).toSorted()).to.deep.equal(modules.map(({ path }) => path).toSorted())
  })

  it('keeps every file within 250 lines', () => {
    expect(modules.filter(({ text }) => text.split('\n').length > 251).map(({ path }) => path)).to.deep.equal([])
  })

  it('has one version, that of package.json', () => {
    expect(JSON.parse(readFileSync('package.json', 'utf8'))).to.have.property('version', VERSION)
  })

  it('documents every error in docs/errors.md, and no other', () => {
    const documented = [...readFileSync('docs/errors.md', 'utf8').matchAll(/^\| `([a-z_]+)` +\| (\d) +\|/gm)]
    const rows = documented.map(([, code, exit]) => `${code} ${exit}`)
    expect(rows.toSorted()).to.deep.equal(
      Object.entries(catalogue)
        .map(([code, { exit }]) => `${code} ${exit}`)
        .toSorted(),
    )
  })
})
