import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { configurationPage } from '../../../scripts/configuration.ts'
import { parseConfig } from '../../../shared/config/parse.ts'

describe('docs/configuration.md', () => {
  it('is what the schema says: npm run docs', () => {
    expect(readFileSync('docs/configuration.md', 'utf8')).to.equal(configurationPage())
  })

  it('has an example that is right', () => {
    const [, example = ''] = /```yaml\n([^]*?)```/.exec(configurationPage()) ?? []
    expect(parseConfig(example, 'example.yaml').applications.map(({ name }) => name)).to.deep.equal(['shop', 'search'])
  })
})
