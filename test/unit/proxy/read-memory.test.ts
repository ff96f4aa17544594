import { expect } from 'chai'
import { MemoryPool, ReadMemory } from '../../../proxy/read-memory.ts'

const LARGE = 100_000

describe('the memory into which a connection reads', () => {
  it('is shared by all, for what is dealt with at once', () => {
    const pool = new MemoryPool()
    const [one, other] = [new ReadMemory(pool), new ReadMemory(pool)]
    one.goesOn(1_000)
    expect([one.next(), other.next()]).to.deep.equal([pool.shared, pool.shared])
    expect([one.isShared, other.isShared]).to.deep.equal([true, true])
  })

  it('is its own while it brings a stream, the same again and again as long as nothing in it is in use', () => {
    const memory = new ReadMemory(new MemoryPool())
    memory.goesOn(LARGE)
    const first = memory.next()
    memory.goesOn(LARGE)
    expect(memory.isShared).to.equal(false)
    expect(memory.next() === first && memory.current === first).to.equal(true)
  })

  it('is never read over where something in it waits to be sent, nor given to anybody else', () => {
    const pool = new MemoryPool()
    const memory = new ReadMemory(pool)
    memory.goesOn(LARGE)
    const first = memory.next()
    memory.keep()
    const second = memory.next()
    expect(second === first).to.equal(false)
    memory.keep()
    memory.release()
    const taken = Array.from({ length: 10 }, () => pool.take())
    expect(taken.some((one) => one === first || one === second || one === pool.shared)).to.equal(false)
    expect(memory.next() === pool.shared).to.equal(true)
  })

  it('serves the next stream when it is not needed any more', () => {
    const pool = new MemoryPool()
    const [one, other] = [new ReadMemory(pool), new ReadMemory(pool)]
    one.goesOn(LARGE)
    const own = one.next()
    one.release()
    other.goesOn(LARGE)
    expect(other.next() === own).to.equal(true)
    expect(one.next() === pool.shared).to.equal(true)
  })
})
