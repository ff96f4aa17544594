import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { systemClock } from '../../shared/clock.ts'
import { type LogOptions, logFileName, openLog } from '../../shared/log.ts'
import { eventually } from '../helpers/eventually.ts'

const LOG = new URL('../../shared/log.ts', import.meta.url).href
const CLOCK = new URL('../../shared/clock.ts', import.meta.url).href
const HEADER = /^(DEBUG|INFO|WARNING|ERROR) \d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} test 1 (\S+ )?-- /

const read = (path: string): string[] => fs.readFileSync(path, 'utf8').split('\n').slice(0, -1)

describe('the log of a process', () => {
  let directory: string
  let file: string
  let output: string
  const children: ChildProcess[] = []

  beforeEach(() => {
    directory = fs.mkdtempSync(join(tmpdir(), 'batoid-log-'))
    file = join(directory, 'test.log')
    output = join(directory, 'test.out')
  })

  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL')
    fs.rmSync(directory, { recursive: true, force: true })
  })

  function open(options: Partial<LogOptions> = {}) {
    const fd = fs.openSync(output, 'a')
    const common = { component: 'test 1', file, level: 'INFO', now: Date.now, clock: systemClock } as const
    return { fd, log: openLog({ ...common, output: { fd, path: output }, ...options }) }
  }

  /** Runs `code`, which has `log`, in a process that writes its output to a file or to a pipe. */
  function start(code: string, { pipe = false } = {}): ChildProcess {
    const path = pipe ? undefined : output
    const options = { component: 'test 1', file, level: 'INFO', output: { fd: 1, path } }
    const script = `
      import fs from 'node:fs'
      const { openLog } = await import(${JSON.stringify(LOG)})
      const { systemClock: clock } = await import(${JSON.stringify(CLOCK)})
      const log = openLog({ ...${JSON.stringify(options)}, now: Date.now, clock })
      ${code}`
    const fd = fs.openSync(output, 'a')
    const args = ['--import', 'tsx', '--input-type=module', '--eval', script]
    const child = spawn(process.execPath, args, { stdio: ['ignore', pipe ? 'pipe' : fd, fd] })
    fs.closeSync(fd)
    children.push(child)
    return child
  }

  it('has each line in file and output, in the format of Ray', async () => {
    const { log } = open()
    log.info('hello')
    log.warning('careful', { requestId: '7e94b127-a01b-4257-8789-a1dbb3c730d6' })
    log.error('no', { requestId: '' })
    await log.close()
    const time = '\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d,\\d{3}'
    expect(fs.readFileSync(file, 'utf8')).to.match(
      new RegExp(
        `^INFO ${time} test 1 -- hello\nWARNING ${time} test 1 7e94b127-a01b-4257-8789-a1dbb3c730d6 -- careful\nERROR ${time} test 1  -- no\n$`,
      ),
    )
    expect(read(output)).to.eql(read(file))
  })

  it('keeps from the terminal what is for the file alone, and hides what is below its level', async () => {
    const { log } = open({ level: 'WARNING' })
    log.info('hidden')
    log.warning('access', { fileOnly: true })
    log.print('printed', 'stdout')
    log.print('printed as warning', 'stderr')
    await log.close()
    expect(read(output)).to.eql(['printed', 'printed as warning'])
    expect(read(file).map((line) => line.replace(HEADER, '$1 '))).to.eql([
      'WARNING access',
      'INFO printed',
      'WARNING printed as warning',
    ])
  })

  it('repeats the header of a stack in the file, so that a search by request id finds all of it', async () => {
    const { log } = open()
    log.error('Request failed.\nError: \x1b[31mno\n    at f', { requestId: 'r1' })
    await log.close()
    expect(read(file).every((line) => HEADER.test(line) && line.includes(' r1 -- '))).to.equal(true)
    expect(read(output).map((line) => line.replace(HEADER, 'H '))).to.eql([
      'H Request failed.',
      'Error: \\x1b[31mno',
      '    at f',
    ])
  })

  it('has the lines that come after it was closed', async () => {
    const { log } = open()
    log.info('before')
    await Promise.all([log.close(), log.close()])
    log.info('after')
    expect(read(file).map((line) => line.replace(HEADER, ''))).to.eql(['before', 'after'])
    expect(read(output)).to.have.length(2)
  })

  it('loses nothing when the process exits at once', async () => {
    const child = start(`
      for (let i = 0; i < 10_000; i++) log.info('line ' + i)
      process.on('exit', () => log.info('last words'))
      process.exit(0)`)
    expect(await once(child, 'exit')).to.eql([0, null])
    const expected = [...Array.from({ length: 10_000 }, (_, index) => `line ${index}`), 'last words']
    for (const path of [file, output]) expect(read(path).map((line) => line.replace(HEADER, ''))).to.eql(expected)
  })

  it('loses nothing when the process dies of an exception', async () => {
    const child = start(`for (let i = 0; i < 100; i++) log.info('line ' + i); throw new Error('as told')`)
    await once(child, 'exit')
    expect(read(file)).to.have.length(100)
    expect(fs.readFileSync(output, 'utf8')).to.contain('line 99\n').and.to.contain('Error: as told')
  })

  it('loses nothing that is older than 100 ms when the process is killed', async () => {
    const child = start(`
      for (let i = 0; i < 1_000; i++) log.info('line ' + i)
      setTimeout(() => process.kill(process.pid, 'SIGKILL'), 150)`)
    expect(await once(child, 'exit')).to.eql([null, 'SIGKILL'])
    expect(read(file)).to.have.length(1_000)
    expect(read(output)).to.have.length(1_000)
  })

  it('has written what was logged before the process blocks', async () => {
    start(`log.info('before'); for (;;) {}`)
    await eventually(() => read(output).length === 1)
  })

  it('has written all lines once there is an error among them', async () => {
    const { log } = open()
    for (let index = 0; index < 100; index += 1) log.info(`line ${index}`)
    expect(read(file).length).to.be.below(100)
    log.error('error')
    expect(read(file)).to.have.length(101)
    await log.close()
  })

  it('renames a full file and keeps ten', async () => {
    const { log } = open({ maxFileBytes: 1_000 })
    for (let index = 0; index < 1_000; index += 1) log.info(`line ${index}`)
    await log.close()
    const names = fs.readdirSync(directory).filter((name) => name.startsWith('test.log'))
    expect(names).to.have.members(['test.log', ...Array.from({ length: 9 }, (_, index) => `test.log.${index + 1}`)])
    const kept = names
      .toSorted()
      .toReversed()
      .flatMap((name) => read(join(directory, name)))
    for (const name of names) expect(fs.statSync(join(directory, name)).size).to.be.within(1, 1_000)
    expect(read(file).at(-1)).to.match(/ line 999$/)
    const numbers = kept.map((line) => Number(/ line (\d+)$/.exec(line)?.[1])).toSorted((a, b) => a - b)
    expect(numbers).to.eql(Array.from({ length: numbers.length }, (_, index) => 1_000 - numbers.length + index))
  })

  it('has a line that is longer than a file', async () => {
    const { log } = open({ maxFileBytes: 100 })
    log.info('a'.repeat(1_000))
    log.info('short')
    await log.close()
    expect(read(`${file}.1`)).to.have.length(1)
    expect(read(file)[0]).to.match(/ short$/)
  })

  it('goes on without its directory, and says what was lost once there is one again', async () => {
    const { log } = open()
    log.info('before')
    log.flush()
    fs.rmSync(directory, { recursive: true })
    log.info('lost')
    log.info('lost too')
    log.flush()
    fs.mkdirSync(directory)
    log.info('after')
    await log.close()
    const [notice, after] = read(file)
    expect(notice).to.match(/^WARNING .* test 1 -- 2 log lines were lost: ENOENT: /)
    expect(after).to.match(/ -- after$/)
  })

  it('goes on when the disk is full', async () => {
    const { log } = open({ file: '/dev/full' })
    for (let index = 0; index < 100; index += 1) log.info(`line ${index}`)
    await log.close()
    expect(read(output)).to.have.length(100)
  })

  it('goes on when its output is closed', async () => {
    const { fd, log } = open()
    log.info('before')
    log.flush()
    fs.closeSync(fd)
    log.info('after')
    await log.close()
    expect(read(file)).to.have.length(2)
  })

  it('goes on when nobody listens any more', async () => {
    const child = start(
      `setInterval(() => log.info('line'), 5)
       setTimeout(() => { log.info('end'); process.exit(0) }, 1_000)`,
      { pipe: true },
    )
    child.stdout?.once('data', () => child.stdout?.destroy())
    expect(await once(child, 'exit')).to.eql([0, null])
    expect(read(file).at(-1)).to.match(/ end$/)
  })

  it('does not wait for a reader that stands still', async () => {
    const child = start(
      `for (let i = 0; i < 20_000; i++) log.info('x'.repeat(100) + i)
       setTimeout(() => { log.info('end'); process.exit(0) }, 200)`,
      { pipe: true },
    )
    expect(await once(child, 'exit')).to.eql([0, null])
    expect(read(file)).to.have.length(20_001)
  })

  it('waits at its exit for a reader that is slow', async () => {
    const child = start(
      `for (let i = 0; i < 5_000; i++) log.info('x'.repeat(100) + i)
       process.exit(0)`,
      { pipe: true },
    )
    await eventually(() => read(file).length === 5_000)
    let text = ''
    child.stdout?.on('data', (chunk) => {
      text += chunk
    })
    await once(child, 'close')
    expect(text.split('\n')).to.have.length(5_001)
  })

  it('begins a new output file when the first is full', async () => {
    const { fd, log } = open({ maxFileBytes: 1_000 })
    for (let index = 0; index < 25; index += 1) log.info(`line ${index}`)
    log.flush()
    fs.writeSync(fd, 'raw\n')
    await log.close()
    expect(read(`${output}.1`).at(-1)).to.equal('raw')
    expect([...read(`${output}.1`), ...read(output)]).to.have.length(26)
  })

  it('leaves an output alone that does not have the name it should have', async () => {
    const path = join(directory, 'elsewhere.out')
    const fd = fs.openSync(output, 'a')
    const { log } = open({ maxFileBytes: 1_000, output: { fd, path } })
    for (let index = 0; index < 100; index += 1) log.info(`line ${index}`)
    await log.close()
    expect(read(output)).to.have.length(100)
    expect(fs.existsSync(path)).to.equal(false)
  })
})

describe('the name of a log file', () => {
  it('is made as in Ray', () => {
    expect(logFileName('replica_a<b>:"/\\|?*_Modèle😀_x.y-z')).to.equal('replica_a_b_________Mod_le__x.y-z')
  })
})
