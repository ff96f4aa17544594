import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { parseProcfile } from '../../../cli/procfile.ts'

describe('parseProcfile', () => {
  it('reads names and commands, and skips comments and blank lines', () => {
    expect(parseProcfile('# ours\n\nweb: node a.js --x=1:2 \nworker-1: b\n')).to.deep.equal([
      { name: 'web', command: 'node a.js --x=1:2' },
      { name: 'worker-1', command: 'b' },
    ])
  })

  it('names the line that is none', () => {
    expect(() => parseProcfile('web: a\nnonsense')).to.throw("line 2 of the Procfile is not 'name: command': nonsense")
  })

  it('refuses a name twice', () => expect(() => parseProcfile('a: b\na: c')).to.throw("two lines named 'a'"))

  it('finds controller and proxy in ours, both with exec so that signals reach Node', () => {
    const entries = parseProcfile(readFileSync('Procfile', 'utf8'))
    expect(entries.map(({ name }) => name)).to.deep.equal(['controller', 'proxy'])
    for (const { command } of entries) expect(command).to.match(/^exec node dist\//)
  })
})
