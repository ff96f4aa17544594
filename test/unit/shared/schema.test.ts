import { expect } from 'chai'
import { z } from 'zod'
import { queryValues, schemaAt, wanted } from '../../../shared/schema.ts'

describe('what a schema wants', () => {
  it('is seen through what changes nothing about the value', () => {
    const integer = z.coerce.number<number>().int()
    const wraps = [
      integer.optional(),
      integer.nullable(),
      integer.default(1),
      integer.prefault(1),
      integer.catch(1),
      integer.readonly(),
      z.nonoptional(integer.optional()),
      z.lazy(() => integer),
      integer.transform(String),
      z.preprocess((value) => value, integer),
      z.string().transform(Number).pipe(integer),
    ]
    expect(wraps.map((schema) => wanted(schema))).to.deep.equal([...Array(10).fill('integer'), 'scalar'])
  })

  it('is an integer, an enum, a scalar, a list, or something else', () => {
    expect([z.int32(), z.bigint(), z.number().int()].map(wanted)).to.deep.equal(['integer', 'integer', 'integer'])
    expect(wanted(z.enum(['a']))).to.equal('enum')
    expect([z.number(), z.string(), z.stringbool(), z.literal('a')].map(wanted)).to.have.members(
      Array(4).fill('scalar'),
    )
    expect([z.array(z.string()), z.tuple([z.string()])].map(wanted)).to.deep.equal(['list', 'list'])
    expect([z.union([z.string(), z.int()]), z.unknown(), undefined].map(wanted)).to.have.members(Array(3).fill('other'))
  })

  it('is found at a path through objects, lists, tuples and records', () => {
    const leaf = z.int()
    const schema = z.object({
      list: z.array(z.object({ leaf })).optional(),
      tuple: z.tuple([z.string(), leaf]),
      record: z.record(z.string(), leaf),
      union: z.union([leaf, z.string()]),
    })
    expect(schemaAt(schema, ['list', 3, 'leaf'])).to.equal(leaf)
    expect(schemaAt(schema, ['tuple', 1])).to.equal(leaf)
    expect(schemaAt(schema, ['record', 'any'])).to.equal(leaf)
    expect(schemaAt(schema, ['union', 'leaf'])).to.equal(undefined)
    expect(schemaAt(schema, ['constructor', 'name'])).to.equal(undefined)
  })
})

describe('a query', () => {
  const schema = z.object({ one: z.int(), many: z.array(z.string()), either: z.union([z.string(), z.unknown()]) })

  it('has the last value where one is wanted, and all where a list is', () => {
    const query = { one: ['1', '2'], many: 'a', either: ['p', 'q'], unknown: ['x', 'y'] }
    expect(queryValues(schema, query)).to.deep.equal({ one: '2', many: ['a'], either: ['p', 'q'], unknown: ['x', 'y'] })
  })

  it('gains no names', () => {
    expect(queryValues(schema, {})).to.deep.equal({})
  })
})
