import { expect } from 'chai'
import { candidates, parseImportPath } from '../../../shared/import-path.ts'

describe('parseImportPath', () => {
  const right: [string, string, string][] = [
    ['main:app', 'main', 'app'],
    ['module.sub:app', 'module.sub', 'app'],
    ['path/to/main.ts:app', 'path/to/main.ts', 'app'],
    ['/abs/main.js:app', '/abs/main.js', 'app'],
    ['main:group.app', 'main', 'group.app'],
    ['module.app', 'module', 'app'],
    ['module.sub.app', 'module.sub', 'app'],
  ]
  for (const [text, module, name] of right) {
    it(`reads ${text}`, () => expect(parseImportPath(text)).to.deep.equal({ module, export: name }))
  }

  for (const text of ['main', 'a:b:c', ':app', 'main:', 'main.ts', 'path/to/main.ts', '']) {
    it(`refuses '${text}' and shows it`, () => {
      expect(() => parseImportPath(text))
        .to.throw(`invalid import path "${text}"`)
        .with.property('code', 'bad_import_path')
    })
  }
})

describe('candidates', () => {
  it('takes a file as it is', () => expect(candidates('a/main.mts')).to.deep.equal(['a/main.mts']))

  it('turns dots of a module into folders, and prefers TypeScript', () => {
    const files = candidates('module.sub')
    expect(files[0]).to.equal('module/sub.ts')
    expect(files).to.include.members(['module/sub.mts', 'module/sub.js', 'module/sub.cjs', 'module/sub/index.js'])
  })

  it('leaves dots alone in a path', () => expect(candidates('./a.b/main')[0]).to.equal('./a.b/main.ts'))
})
