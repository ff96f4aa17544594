import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { commandOf } from '../../../cli/program.ts'
import { cliPage } from '../../../scripts/cli.ts'

describe('the command', () => {
  it('is documented as it is (npm run docs)', () => {
    expect(readFileSync('docs/cli.md', 'utf8')).to.equal(cliPage())
  })

  it('has all commands of the reference and of its own, each with an example', () => {
    const { commands } = commandOf({
      argv: [],
      env: {},
      random: () => 0,
      defaultTarget: undefined,
      background: undefined,
    })
    const names = [
      'run',
      'start',
      'deploy',
      'status',
      'config',
      'controller-health',
      'shutdown',
      'delete',
      'scale',
      'build',
      'logs',
      'schema',
    ]
    expect(commands.map((command) => command.name())).to.deep.equal(names)
    for (const command of commands) {
      let help = ''
      command.configureOutput({ writeOut: (text) => (help += text) }).outputHelp()
      expect(help).to.contain(`Example:\n  $ batoid ${command.name()}`)
    }
    for (const name of names) expect(cliPage()).to.contain(`Example:\n  $ batoid ${name}`)
  })
})
