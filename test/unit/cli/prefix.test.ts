import { expect } from 'chai'
import { cliLine, isColourful, outputSource, showPrefix } from '../../../cli/prefix.ts'

describe('the prefix of output lines', () => {
  it('is cyan, as in Ray', () => {
    expect(showPrefix({ name: 'ProxyActor', pid: 31164 }, true)).to.equal('\x1b[36m(ProxyActor pid=31164)\x1b[0m ')
  })

  it('has no escapes without colours', () => {
    expect(showPrefix({ name: 'ServeReplica:default:A\x1b', pid: 1 }, false)).to.equal(
      '(ServeReplica:default:A\\x1b pid=1) ',
    )
  })

  it('is read from the name of an output file', () => {
    expect(outputSource('ServeReplica%3Adefault%3AA-b-45792.out')).to.eql({
      name: 'ServeReplica:default:A-b',
      pid: 45792,
    })
  })

  it('is not found in other names', () => {
    for (const name of ['x-1.out.1', 'x.out', '-1.out', 'x-0.out', '.starting-1-2', '%-1.out', 'x-1.outer', '']) {
      expect(outputSource(name), name).to.equal(undefined)
    }
  })
})

describe('colours', () => {
  const cases: [env: { NO_COLOR?: string; FORCE_COLOR?: string }, isTTY: boolean, expected: boolean][] = [
    [{}, true, true],
    [{}, false, false],
    [{ NO_COLOR: '1' }, true, false],
    [{ NO_COLOR: '' }, true, true],
    [{ FORCE_COLOR: '1' }, false, true],
    [{ FORCE_COLOR: 'true' }, false, true],
    [{ FORCE_COLOR: '' }, false, false],
    [{ FORCE_COLOR: '0' }, true, false],
    [{ FORCE_COLOR: 'false' }, true, false],
    [{ NO_COLOR: '1', FORCE_COLOR: '1' }, true, false],
  ]
  for (const [env, isTTY, expected] of cases) {
    it(`are ${expected ? 'on' : 'off'} with ${JSON.stringify(env)} ${isTTY ? 'on a terminal' : 'in a file'}`, () => {
      expect(isColourful(env, isTTY)).to.equal(expected)
    })
  }
})

describe('a line of the command line tool', () => {
  it('looks as in Ray', () => {
    const nowMs = new Date(2026, 10, 22, 7, 33, 40, 569).getTime()
    expect(cliLine('INFO', 'run.ts', "Running import path: 'main:app'.", nowMs)).to.equal(
      "2026-11-22 07:33:40,569\tINFO run.ts -- Running import path: 'main:app'.",
    )
  })
})
