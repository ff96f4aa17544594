import { expect } from 'chai'
import type { Clock } from '../../../shared/clock.ts'
import { Batch, Sink, type Target } from '../../../shared/log-batch.ts'

/** Takes what it is told to take, and then fails as it is told. */
class FakeTarget implements Target {
  text = ''
  room = Number.POSITIVE_INFINITY
  code = 'ENOSPC'

  write(batch: Uint8Array): number {
    if (this.room === 0) throw Object.assign(new Error(`${this.code}: as told`), { code: this.code })
    const taken = batch.subarray(0, Math.min(batch.length, this.room))
    this.text += Buffer.from(taken).toString()
    this.room -= taken.length
    return taken.length
  }

  close(): void {}
}

function start() {
  const target = new FakeTarget()
  const sink = new Sink(target, (message) => `WARNING ${message}\n`)
  const write = (lines: string) => {
    sink.add(lines)
    sink.flush()
  }
  return { target, sink, write }
}

describe('a sink', () => {
  it('counts what a full disk does not take, and tells once there is room again', () => {
    const { target, write } = start()
    write('a\n')
    target.room = 0
    write('b\nc\n')
    write('d\n')
    target.room = Number.POSITIVE_INFINITY
    write('e\n')
    write('f\n')
    expect(target.text).to.equal('a\nWARNING 3 log lines were lost: ENOSPC: as told\ne\nf\n')
  })

  it('ends a line of which only the beginning went out', () => {
    const { target, write } = start()
    target.room = 3
    write('a\nbcd\ne\n')
    target.room = Number.POSITIVE_INFINITY
    write('f\n')
    expect(target.text).to.equal('a\nb\nWARNING 2 log lines were lost: ENOSPC: as told\nf\n')
  })

  it('repeats a notice that got lost, and does not count it', () => {
    const { target, write } = start()
    target.room = 0
    write('a\n')
    target.room = 10
    write('b\n')
    target.room = Number.POSITIVE_INFINITY
    write('c\n')
    expect(target.text).to.equal('WARNING 1 \nWARNING 2 log lines were lost: ENOSPC: as told\nc\n')
  })

  it('keeps what a full pipe does not take', () => {
    const { target, write, sink } = start()
    target.code = 'EAGAIN'
    target.room = 3
    write('abc\nd\n')
    expect(sink.isStuck).to.equal(true)
    write('e\n')
    target.room = Number.POSITIVE_INFINITY
    sink.flush()
    expect(target.text).to.equal('abc\nd\ne\n')
    expect(sink.isStuck).to.equal(false)
  })

  it('loses nothing when the pipe is full again in the middle of the notice', () => {
    const { target, write, sink } = start()
    target.room = 0
    write('a\n')
    target.code = 'EAGAIN'
    target.room = 10
    write('b\n')
    target.room = Number.POSITIVE_INFINITY
    sink.flush()
    expect(target.text).to.equal('WARNING 1 log lines were lost: ENOSPC: as told\nb\n')
  })

  it('keeps a megabyte for a full pipe and counts the rest', () => {
    const { target, write, sink } = start()
    const line = `${'x'.repeat(1023)}\n`
    target.code = 'EAGAIN'
    target.room = 0
    for (let count = 0; count < 2000; count += 1) write(line)
    target.room = Number.POSITIVE_INFINITY
    sink.flush()
    const kept = target.text.split('\n').filter((text) => text.startsWith('x')).length
    expect(kept).to.be.within(1000, 1100)
    expect(target.text).to.contain(`WARNING ${2000 - kept} log lines were lost: nobody reads them\n`)
  })

  it('never writes again to a pipe that has no reader', () => {
    const { target, write } = start()
    target.code = 'EPIPE'
    target.room = 0
    write('a\n')
    target.room = Number.POSITIVE_INFINITY
    write('b\n')
    expect(target.text).to.equal('')
  })
})

class FakeClock implements Clock {
  time = 0
  tasks: { readonly due: number; readonly task: () => void }[] = []

  now(): number {
    return this.time
  }

  after(delayMs: number, task: () => void): () => void {
    const entry = { due: this.time + delayMs, task }
    this.tasks.push(entry)
    return () => {
      this.tasks = this.tasks.filter((other) => other !== entry)
    }
  }

  pass(ms: number): void {
    this.time += ms
    for (const { due, task } of this.tasks.splice(0)) {
      if (due <= this.time) task()
      else this.after(due - this.time, task)
    }
  }
}

function startBatch() {
  const file = new FakeTarget()
  const output = new FakeTarget()
  const clock = new FakeClock()
  const sinks = { file: new Sink(file, (message) => message), output: new Sink(output, (message) => message) }
  const batch = new Batch(sinks, clock)
  const add = (count: number, urgent = false) => {
    for (let index = 0; index < count; index += 1) batch.add({ file: 'f\n', output: 'o\n' }, urgent ? 'now' : 'soon')
  }
  const shown = () => output.text.length / 2
  return { file, output, clock, batch, add, shown }
}

describe('a batch', () => {
  it('writes single lines at once', () => {
    const { add, shown, file, clock } = startBatch()
    add(3)
    expect(shown()).to.equal(3)
    expect(file.text).to.equal('f\nf\nf\n')
    expect(clock.tasks).to.have.length(0)
  })

  it('gathers many, for 50 ms at most', () => {
    const { add, shown, clock } = startBatch()
    add(100)
    expect(shown()).to.equal(16)
    clock.pass(49)
    expect(shown()).to.equal(16)
    clock.pass(1)
    expect(shown()).to.equal(100)
  })

  it('gathers from the first one on what nobody sees as it comes', () => {
    const { batch, file, clock } = startBatch()
    batch.add({ file: 'f\n', output: '' }, 'whenever')
    expect(file.text).to.equal('')
    clock.pass(50)
    expect(file.text).to.equal('f\n')
  })

  it('writes 64 KiB at once', () => {
    const { add, shown } = startBatch()
    add(16 + 32 * 1024)
    expect(shown()).to.equal(16 + 32 * 1024)
  })

  it('writes an urgent line at once, after those before it', () => {
    const { add, shown } = startBatch()
    add(100)
    add(1, true)
    expect(shown()).to.equal(101)
  })

  it('leaves nothing behind at the end, and nothing afterwards', () => {
    const { add, shown, batch, clock } = startBatch()
    add(100)
    batch.end()
    expect(shown()).to.equal(100)
    add(100)
    expect(shown()).to.equal(200)
    expect(clock.tasks).to.have.length(0)
  })

  it('tries a full pipe again without being asked', () => {
    const { add, shown, output, clock } = startBatch()
    output.code = 'EAGAIN'
    output.room = 0
    add(1)
    clock.pass(50)
    output.room = Number.POSITIVE_INFINITY
    clock.pass(50)
    expect(shown()).to.equal(1)
  })
})
