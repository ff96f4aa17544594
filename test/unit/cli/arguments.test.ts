import { expect } from 'chai'
import { parseArguments } from '../../../cli/arguments.ts'

describe('arguments of an application', () => {
  it('are key=value; the value may hold anything', () => {
    expect(parseArguments(['model=a=b', 'empty='])).to.deep.equal({ model: 'a=b', empty: '' })
  })

  it('are nothing else', () => {
    for (const word of ['model', '=x', '']) {
      expect(() => parseArguments([word]))
        .to.throw(`Invalid application argument '${word}', must be of the form '<key>=<val>'.`)
        .with.property('code', 'bad_usage')
    }
  })
})
