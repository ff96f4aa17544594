import { expect } from 'chai'
import { importedOf, importPathIn } from '../../../cli/imported.ts'
import type { ImportFlags } from '../../../cli/import-flags.ts'

const said = (flags: ImportFlags, target = 'main:app') =>
  importedOf({ target, words: ['size=3'], flags, directory: '/here' })

describe('an import path', () => {
  it('is looked for here, and runs here, if nothing else is said', async () => {
    expect(await said({})).to.deep.equal({
      importPath: 'main:app',
      workingDir: '/here',
      args: { size: '3' },
      envVars: {},
    })
  })

  it('runs with what its runtime environment says', async () => {
    const json = '{"env_vars": {"A": "1"}, "working_dir": "there"}'
    const { workingDir, envVars } = await said({ runtimeEnvJson: json })
    expect([workingDir, envVars]).to.deep.equal(['/here/there', { A: '1' }])
    expect(await said({ runtimeEnvJson: json, workingDir: '/other' })).to.include({ workingDir: '/other' })
  })

  it('is looked for in one directory, and runs in another', async () => {
    const { importPath, workingDir } = await said({ appDir: 'apps', workingDir: 'work' })
    expect([importPath, workingDir]).to.deep.equal(['/here/apps/main:app', '/here/work'])
    expect(await said({ appDir: 'apps' })).to.include({ importPath: '/here/apps/main:app', workingDir: '/here' })
  })

  it('names the same module from elsewhere', () => {
    expect(importPathIn('apps', 'shop.main:app')).to.equal('apps/shop/main:app')
    expect(importPathIn('apps', 'shop.main.app')).to.equal('apps/shop/main:app')
    expect(importPathIn('apps', 'shop/main.ts:app.inner')).to.equal('apps/shop/main.ts:app.inner')
    expect(importPathIn('apps', 'main.ts:app')).to.equal('apps/main.ts:app')
    expect(importPathIn('apps', '/other/main:app')).to.equal('/other/main:app')
    expect(importPathIn('.', 'main:app')).to.equal('main:app')
  })
})
