import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { captureConsole } from '../../replica/console.ts'
import { currentRequest, withRequest } from '../../replica/context.ts'
import type { About, Log } from '../../shared/log.ts'

const urlOf = (path: string): string => JSON.stringify(new URL(`../../${path}`, import.meta.url).href)

/** [text, stream, request id] of each print. */
type Printed = [string, string, string | undefined]

const ignore = () => {}

/** A console on streams of our own; the test process keeps its own. */
function start(print: (printed: Printed) => void = () => {}) {
  const printed: Printed[] = []
  const log: Log = {
    debug: ignore,
    info: ignore,
    warning: ignore,
    error: ignore,
    access: ignore,
    configure: ignore,
    print(text: string, stream: 'stdout' | 'stderr', about?: About) {
      printed.push([text, stream, about?.requestId])
      print([text, stream, about?.requestId])
    },
    flush: ignore,
    close: () => Promise.resolve(),
  }
  const raw: unknown[] = []
  const target = () => ({
    write(chunk: unknown) {
      raw.push(chunk)
      return true
    },
  })
  const stdout = target()
  const stderr = target()
  const restore = captureConsole([stdout, stderr], log, () => currentRequest()?.requestId)
  const write: NodeJS.WriteStream['write'] = (...args: [never]) => stdout.write(...args)
  const within = (requestId: string, chunk: string) =>
    withRequest({ requestId, routePrefix: '/', path: '/' }, () => write(chunk))
  return { printed, raw, stdout, stderr, write, within, restore }
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

describe('what user code prints', () => {
  it('becomes lines of its stream', () => {
    const { printed, write, stderr, restore } = start()
    write('one\n')
    stderr.write('two\nthree\n')
    write('\n')
    restore()
    expect(printed).to.eql([
      ['one', 'stdout', undefined],
      ['two\nthree', 'stderr', undefined],
      ['', 'stdout', undefined],
    ])
  })

  it('has the id of the request that caused it, across awaits and other requests', async () => {
    const { printed, write, restore } = start()
    const handle = (requestId: string) =>
      withRequest({ requestId, routePrefix: '/', path: '/' }, async () => {
        for (let step = 0; step < 5; step += 1) {
          await pause(Number(requestId.slice(1)) % 3)
          write(`${requestId} begins`)
          await pause(1)
          write(` and ends ${step}\n`)
        }
      })
    const ids = Array.from({ length: 20 }, (_, index) => `r${index}`)
    await Promise.all(ids.map(handle))
    restore()
    expect(printed).to.have.length(100)
    for (const [text, , requestId] of printed) expect(text).to.match(new RegExp(`^${requestId} begins and ends \\d$`))
    expect(currentRequest()).to.equal(undefined)
  })

  it('may come in parts, bytes and all encodings', () => {
    const { printed, write, restore } = start()
    for (const byte of Buffer.from('é漢😀')) write(Buffer.of(byte))
    write(new Uint8Array(Buffer.from('!\nab')))
    write('YwpkCg==', 'base64')
    write('650a', 'hex')
    write('ü\n', 'latin1')
    restore()
    expect(printed.map(([text]) => text)).to.eql(['é漢😀!', 'abc\nd', 'e', '\ufffd'])
  })

  it('calls back, later', async () => {
    const { write, restore } = start()
    let calls = 0
    const callback = () => {
      calls += 1
    }
    expect(write('a\n', callback)).to.equal(true)
    expect(write('b\n', 'utf8', callback)).to.equal(true)
    expect(calls).to.equal(0)
    await pause(1)
    expect(calls).to.equal(2)
    restore()
  })

  it('never fails user code', () => {
    const { stdout, restore, printed } = start(() => {
      throw new Error('as told')
    })
    const untyped: { write(chunk: unknown): boolean } = stdout
    for (const chunk of ['a\n', 1, null, undefined, {}, Symbol('s')]) expect(untyped.write(chunk)).to.equal(true)
    expect(printed[0]).to.eql(['a', 'stdout', undefined])
    restore()
  })

  it('is shown without an end of line when the streams are given back, and goes where it went before', () => {
    const { printed, raw, write, within, restore } = start()
    write('a')
    within('r1', 'b')
    restore()
    write('c\n')
    expect(printed).to.eql([
      ['a', 'stdout', undefined],
      ['b', 'stdout', 'r1'],
    ])
    expect(raw).to.eql(['c\n'])
  })

  it('is not kept without bound', () => {
    const { printed, write, within, restore } = start()
    for (let index = 0; index < 65; index += 1) within(`r${index}`, 'x')
    expect(printed).to.eql([['x', 'stdout', 'r0']])
    write('y'.repeat(100_000))
    expect(printed.at(-1)?.[0]).to.have.length(100_000)
    restore()
  })

  it('stays in order with log lines, and is complete at the exit', async () => {
    const directory = fs.mkdtempSync(join(tmpdir(), 'batoid-console-'))
    const file = join(directory, 'test.log')
    const script = `
      const { openLog } = await import(${urlOf('shared/log.ts')})
      const { systemClock: clock } = await import(${urlOf('shared/clock.ts')})
      const { captureConsole } = await import(${urlOf('replica/console.ts')})
      const { withRequest, currentRequest } = await import(${urlOf('replica/context.ts')})
      const file = ${JSON.stringify(file)}
      const log = openLog({ component: 'test 1', file, output: { fd: 1 }, level: 'INFO', now: Date.now, clock })
      captureConsole([process.stdout, process.stderr], log, () => currentRequest()?.requestId)
      for (let i = 0; i < 100; i++) {
        console.log('print %d', i)
        log.info('info ' + i)
        console.error('error %d', i)
      }
      withRequest({ requestId: 'r1' }, () => setTimeout(() => console.table([{ a: 1 }]), 1))
      process.on('exit', () => process.stdout.write('bye'))
      setTimeout(() => { process.stdout.write('no end'); process.exit(0) }, 20)`
    const args = ['--import', 'tsx', '--input-type=module', '--eval', script]
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    let output = ''
    child.stdout.on('data', (chunk) => {
      output += chunk
    })
    await once(child, 'close')
    const logged = fs.readFileSync(file, 'utf8').split('\n').slice(0, -1)
    fs.rmSync(directory, { recursive: true })

    const expected = Array.from({ length: 100 }, (_, index) => [`print ${index}`, `info ${index}`, `error ${index}`])
    const messages = logged.map((line) => line.replace(/^.*? -- /, ''))
    expect(messages.slice(0, 300)).to.eql(expected.flat())
    expect(messages.slice(-2)).to.eql(['no end', 'bye'])
    const table = logged.slice(300, -2)
    expect(table).to.have.length(5)
    for (const line of table) expect(line).to.contain(' test 1 r1 -- ')
    expect(output.split('\n').map((line) => line.replace(/^INFO .*? -- /, ''))).to.eql([...messages, ''])
    expect(logged[2]).to.match(/^WARNING /)
  })
})
