import { expect } from 'chai'
import { withFigures } from '../../../bench/readme.ts'

const BEGIN = '<!-- figures: written by `npm run bench` -->'
const END = '<!-- end of figures -->'

describe('the README of the bench', () => {
  it('gets new figures between its marks, and keeps its prose', () => {
    const readme = `before\n${BEGIN}\n\nold\n\n${END}\nafter\n`
    expect(withFigures(readme, 'new\n')).to.equal(`before\n${BEGIN}\n\nnew\n\n${END}\nafter\n`)
  })

  it('is not written over where the marks are missing', () => {
    expect(() => withFigures(`${END}${BEGIN}`, 'new')).to.throw('bench/README.md has no lines')
  })
})
