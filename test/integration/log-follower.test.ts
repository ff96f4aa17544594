import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { type Follower, followOutput } from '../../cli/log-follower.ts'
import { type Clock, systemClock } from '../../shared/clock.ts'
import { eventually } from '../helpers/eventually.ts'

const urlOf = (path: string): string => JSON.stringify(new URL(`../../${path}`, import.meta.url).href)

/** A process that has come to its end. */
const DEAD = 4_194_305
const never: Clock = { now: () => 0, after: () => () => {} }

describe('the follower of output files', () => {
  let directory: string
  let follower: Follower | undefined
  let lines: string[] = []
  const children: ChildProcess[] = []

  beforeEach(() => {
    directory = fs.mkdtempSync(join(tmpdir(), 'batoid-follow-'))
    lines = []
  })

  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL')
    follower?.close()
    fs.rmSync(directory, { recursive: true, force: true })
  })

  const at = (name: string): string => join(directory, name)
  const append = (name: string, text: string | Uint8Array): void => fs.appendFileSync(at(name), text)
  const own = `a-${process.pid}.out`

  function follow(clock: Clock = systemClock) {
    const started = followOutput({ directory, print: ({ name }, line) => lines.push(`${name}: ${line}`), clock })
    follower = started
    return { drain: () => started.drain() }
  }

  /** As its process would do, and what it writes from now on goes to the new file. */
  function rotate(name: string, text: string): void {
    fs.renameSync(at(name), at(`${name}.1`))
    append(name, text)
  }

  it('reads files that are there already from their beginning', async () => {
    append(own, 'new\n')
    append(`${own}.1`, 'old\n')
    append(`b%3Ac-${DEAD}.out`, 'dead\nwithout end')
    follow()
    await eventually(() => lines.length === 4)
    expect(lines.filter((line) => line.startsWith('a'))).to.eql(['a: old', 'a: new'])
    expect(lines.filter((line) => line.startsWith('b'))).to.eql(['b:c: dead', 'b:c: without end'])
  })

  it('sees what comes, in well under 100 ms', async () => {
    follow()
    append(own, '')
    const delays: number[] = []
    for (let index = 0; index < 11; index += 1) {
      const since = performance.now()
      append(own, `${index}\n`)
      while (lines.length <= index) await new Promise((resolve) => setTimeout(resolve, 1))
      delays.push(performance.now() - since)
    }
    expect(delays.toSorted((a, b) => a - b)[5]).to.be.below(100)
  })

  it('sees files of a directory that comes later', async () => {
    fs.rmdirSync(directory)
    follow()
    fs.mkdirSync(directory)
    append(own, 'late\n')
    await eventually(() => lines[0] === 'a: late')
  })

  it('sees a file once it has its name, and no other files', async () => {
    follow()
    append('.starting-1-1', 'begin\n')
    append('other.txt', 'no\n')
    fs.renameSync(at('.starting-1-1'), at(own))
    append(own, 'go on\n')
    await eventually(() => lines.length === 2)
    expect(lines).to.eql(['a: begin', 'a: go on'])
  })

  it('waits for the end of a line, but not when it drains', () => {
    const { drain } = follow(never)
    append(own, 'one\ntw')
    drain()
    append(own, 'o\n')
    drain()
    expect(lines).to.eql(['a: one', 'a: tw', 'a: o'])
  })

  it('puts together characters and lines that are read in parts', async () => {
    follow()
    append(own, 'first\n')
    await eventually(() => lines.length === 1)
    for (const byte of Buffer.from('é漢😀')) {
      append(own, Buffer.of(byte))
      await new Promise((resolve) => setTimeout(resolve, 15))
    }
    append(own, '!\r\n')
    await eventually(() => lines.length === 2)
    expect(lines[1]).to.equal('a: é漢😀!')
  })

  it('escapes control characters that were written past the log', () => {
    append(own, 'a\x1b[2Jb\0\n')
    const { drain } = follow(never)
    drain()
    expect(lines).to.eql(['a: a\\x1b[2Jb\\x00'])
  })

  it('cuts a line without end', () => {
    append(own, `${'é'.repeat(3_000_000)}\nnext\n`)
    const { drain } = follow(never)
    drain()
    expect(lines.at(-1)).to.equal('a: next')
    expect(lines.length).to.be.within(3, 5)
    expect(
      lines
        .slice(0, -1)
        .map((line) => line.slice(3))
        .join(''),
    ).to.equal('é'.repeat(3_000_000))
  })

  it('reads a file that lost its name to the end, and then the next one', () => {
    const { drain } = follow(never)
    append(own, '1\n')
    drain()
    append(own, '2\n')
    rotate(own, '3\n')
    drain()
    append(own, '4\n')
    drain()
    expect(lines).to.eql(['a: 1', 'a: 2', 'a: 3', 'a: 4'])
  })

  it('reads the file between two renamings that it did not see', () => {
    const { drain } = follow(never)
    append(own, '1\n')
    drain()
    append(own, '2\n')
    rotate(own, '3\n')
    rotate(own, '4\n')
    drain()
    rotate(own, '5\n')
    drain()
    expect(lines).to.eql([1, 2, 3, 4, 5].map((number) => `a: ${number}`))
  })

  it('shows what is written to the first file after it lost all its names', () => {
    const { drain } = follow(never)
    append(own, '1\n')
    drain()
    const fd = fs.openSync(at(own), 'a')
    for (const text of ['2\n', '3\n', '4\n']) {
      rotate(own, text)
      drain()
    }
    fs.writeSync(fd, 'dying words\n')
    fs.closeSync(fd)
    drain()
    expect(lines).to.eql(['a: 1', 'a: 2', 'a: 3', 'a: 4', 'a: dying words'])
  })

  it('goes on from the beginning when somebody empties a file', () => {
    const { drain } = follow(never)
    append(own, 'before\n')
    drain()
    fs.truncateSync(at(own))
    append(own, 'x\n')
    drain()
    expect(lines).to.eql(['a: before', 'a: x'])
  })

  it('keeps no file of a dead process open, and still sees what its heirs write', async () => {
    for (let index = 0; index < 100; index += 1) append(`a-${DEAD + index}.out`, `${index}\n`)
    const before = fs.readdirSync('/proc/self/fd').length
    follow()
    expect(lines).to.have.length(100)
    expect(fs.readdirSync('/proc/self/fd').length).to.be.below(before + 5)
    append(`a-${DEAD + 50}.out`, 'heir\n')
    await eventually(() => lines.length === 101)
    expect(lines.at(-1)).to.equal('a: heir')
  })

  it('reads the file of a process that has the pid of a dead one', async () => {
    append(`a-${DEAD}.out`, 'first\n')
    follow()
    expect(lines).to.eql(['a: first'])
    append('.starting-1-1', 'other\n')
    fs.renameSync(at('.starting-1-1'), at(`a-${DEAD}.out`))
    await eventually(() => lines.length === 2)
    expect(lines[1]).to.equal('a: other')
  })

  it('prints every line of a process that renames its files, once and in order', async () => {
    const script = `
      const { openLog } = await import(${urlOf('shared/log.ts')})
      const { systemClock: clock } = await import(${urlOf('shared/clock.ts')})
      const path = ${JSON.stringify(directory)} + '/a-' + process.pid + '.out'
      const output = { fd: 1, path }
      const log = openLog({ component: 'test 1', output, level: 'INFO', now: Date.now, clock, maxFileBytes: 500_000 })
      let count = 0
      setInterval(() => {
        for (let i = 0; i < 200; i++) log.print('line ' + count++ + ' ' + 'x'.repeat(80), 'stdout')
        if (count < 40_000) return
        log.flush()
        process._rawDebug('dying words')
        process.exit(0)
      }, 5)`
    const temporary = at('.starting-1-1')
    const fd = fs.openSync(temporary, 'a')
    const args = ['--import', 'tsx', '--input-type=module', '--eval', script]
    const child = spawn(process.execPath, args, { stdio: ['ignore', fd, fd] })
    children.push(child)
    fs.closeSync(fd)
    fs.renameSync(temporary, at(`a-${child.pid}.out`))
    const { drain } = follow()
    await once(child, 'exit')
    drain()
    const numbers = lines.map((line) => Number(/^a: line (\d+) x{80}$/.exec(line)?.[1] ?? -1))
    expect(numbers.filter((number) => number >= 0)).to.eql(Array.from({ length: 40_000 }, (_, index) => index))
    expect(lines.filter((_, index) => numbers[index] === -1)).to.eql(['a: dying words'])
    expect(fs.existsSync(at(`a-${child.pid}.out.1`))).to.equal(true)
  })
})
