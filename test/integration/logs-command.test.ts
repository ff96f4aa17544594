import { spawn } from 'node:child_process'
import { appendFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { expect } from 'chai'
import { LogFiles } from '../../cli/log-files.ts'
import { showLogs } from '../../cli/logs.ts'
import { systemClock } from '../../shared/clock.ts'
import { runCommand } from '../helpers/command.ts'
import { eventually } from '../helpers/eventually.ts'

const line = (ms: number, text: string) =>
  `INFO 2026-11-25 19:00:${String(Math.floor(ms / 1000)).padStart(2, '0')},${String(ms % 1000).padStart(3, '0')} ${text}\n`

describe('batoid logs', () => {
  let session: { directory: string }
  let logs: string
  const write = (file: string, ...lines: string[]) => appendFileSync(join(logs, file), lines.join(''))

  beforeEach(() => {
    session = { directory: mkdtempSync(join(tmpdir(), 'batoid-test-')) }
    logs = join(session.directory, 'logs/serve')
    mkdirSync(logs, { recursive: true })
  })
  afterEach(() => rmSync(session.directory, { recursive: true, force: true }))

  const shown = async (choice = {}): Promise<string> => {
    let text = ''
    const print = async (more: string) => ((text += more), true)
    await showLogs(session, choice, { print, clock: systemClock, follow: undefined })
    return text
  }

  it('merges the files of all processes, and their predecessors, whatever the bounds of what is read at once', async () => {
    const lines = Array.from({ length: 9000 }, (_, ms) => line(ms, `é${'x'.repeat(ms % 90)} ${ms}`))
    const file = (ms: number) => `${['a', 'b', 'c'][ms % 3]}.log${['.10', '.2', ''][Math.floor(ms / 3000)]}`
    for (const [ms, text] of lines.entries()) write(file(ms), text)
    expect(await shown()).to.equal(lines.join(''))
    const some = await shown({ request: ' 7' })
    expect(some).to.equal(lines.filter((text) => text.includes(' 7')).join(''))
  })

  it('shows a line that is longer than what is read at once, and none that has no end yet', async () => {
    const long = line(1, 'x'.repeat(300_000))
    write('a.log', long, line(2, 'unfinished').trimEnd())
    expect(await shown()).to.equal(long)
  })

  it('keeps little of much in memory', async function () {
    this.timeout(60_000)
    const block = Array.from({ length: 10_000 }, (_, ms) => line(ms, 'x'.repeat(960))).join('')
    for (const name of ['a', 'b', 'c']) for (const age of ['', '.1', '.2', '.3']) write(`${name}.log${age}`, block)
    const child = spawn(process.execPath, [
      ...['--max-old-space-size=48', resolve('dist/cli/main.js')],
      ...['logs', '--session-dir', session.directory],
    ])
    let count = 0
    for await (const data of child.stdout as AsyncIterable<Buffer>) {
      count += data.length
      // A reader that is slower than the files are read.
      await new Promise((settle) => setTimeout(settle, 1))
    }
    await eventually(() => child.exitCode === 0)
    expect(count).to.equal(12 * block.length)
  })

  it('tells by the names of output files which application is meant', async () => {
    mkdirSync(join(session.directory, 'logs/output'))
    writeFileSync(join(session.directory, 'logs/output/ServeReplica%3Aa_b%3ADep-7.out'), '')
    write('replica_a_b_Dep_abcdefgh.log', line(1, 'one'))
    expect(await shown({ app: 'a' })).to.equal('')
    expect(await shown({ app: 'a_b' })).to.equal(line(1, 'one'))
  })

  it('says so where no cluster has been', async () => {
    rmSync(join(session.directory, 'logs'), { recursive: true })
    writeFileSync(join(session.directory, 'file'), '')
    for (const directory of [session.directory, join(session.directory, 'none'), join(session.directory, 'file')]) {
      const { code, stderr } = await runCommand(['logs', '--session-dir', directory])
      expect([code, stderr]).to.deep.equal([
        2,
        `ERROR: no cluster has logged in ${directory}: start one with batoid run, or say where it is with --session-dir\n`,
      ])
    }
  })

  it('ends quietly once nobody reads any more, also while it follows', async () => {
    write('a.log', ...Array.from({ length: 30_000 }, (_, ms) => line(ms, 'x')))
    for (const flags of [[], ['-f']]) {
      const args = [resolve('dist/cli/main.js'), 'logs', ...flags, '--session-dir', session.directory]
      const child = spawn(process.execPath, args)
      let complaint = ''
      child.stderr.on('data', (data: Buffer) => (complaint += data.toString()))
      child.stdout.once('data', () => child.stdout.destroy())
      expect(await new Promise((settle) => child.once('close', settle))).to.equal(0)
      expect(complaint).to.equal('')
    }
  })

  it('goes on with what is added, in whatever file', async () => {
    let text = ''
    let stop: () => void = () => undefined
    const follow = new Promise<void>((settle) => (stop = settle))
    const print = async (more: string) => ((text += more), true)
    write('a.log', line(1, 'one'))
    const following = showLogs(session, {}, { print, clock: systemClock, follow })
    await eventually(() => text === line(1, 'one'))
    write('a.log', line(2, 'two'))
    renameSync(join(logs, 'a.log'), join(logs, 'a.log.1'))
    write('a.log', line(3, 'three'))
    write('b.log', line(4, 'four'))
    await eventually(() => text === [line(1, 'one'), line(2, 'two'), line(3, 'three'), line(4, 'four')].join(''))
    stop()
    await following
  })
})

describe('log files', () => {
  let directory: string
  beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'batoid-test-'))))
  afterEach(() => rmSync(directory, { recursive: true }))
  const path = (file: string) => join(directory, file)
  const all = (texts: Iterable<string>[]) => texts.map((text) => [...text].join(''))

  it('are read as they were found, though they are renamed or deleted meanwhile', () => {
    writeFileSync(path('a.log.1'), 'one\n')
    writeFileSync(path('a.log'), 'two\n')
    writeFileSync(path('b.log'), 'gone\n')
    const files = new LogFiles(directory)
    const found = files.added(() => true)
    renameSync(path('a.log.1'), path('a.log.2'))
    renameSync(path('a.log'), path('a.log.1'))
    rmSync(path('b.log'))
    writeFileSync(path('a.log'), 'three\n')
    expect(all(found)).to.deep.equal(['one\ntwo\n', ''])
    expect(all(files.added(() => true))).to.deep.equal(['three\n'])
  })

  it('are read from their beginning if they are shorter than they were, or another file with an old inode', () => {
    writeFileSync(path('a.log'), 'one\ntwo\n')
    const files = new LogFiles(directory)
    expect(all(files.added(() => true))).to.deep.equal(['one\ntwo\n'])
    truncateSync(path('a.log'))
    writeFileSync(path('a.log'), 'new\n')
    expect(all(files.added(() => true))).to.deep.equal(['new\n'])
    // As if it had been deleted, and the next file had got its inode.
    renameSync(path('a.log'), path('elsewhere'))
    expect(all(files.added(() => true))).to.deep.equal([])
    renameSync(path('elsewhere'), path('b.log'))
    expect(all(files.added(() => true))).to.deep.equal(['new\n'])
  })
})
