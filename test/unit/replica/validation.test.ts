import { expect } from 'chai'
import { z } from 'zod'
import { invalidItems, malformedJson, missingBody, type Subject } from '../../../replica/validation.ts'

/** The items for the field `a` of a JSON body. */
function itemsFor(field: z.ZodType, value: unknown) {
  return itemsOf({ target: 'json', schema: z.object({ a: field }), data: { a: value } })
}

function itemsOf(subject: Subject & { readonly schema: z.ZodType }) {
  const { error } = subject.schema.safeParse(subject.data)
  return invalidItems(subject, error?.issues ?? [])
}

const tagged = z.discriminatedUnion('kind', [z.object({ kind: z.literal('a') }), z.object({ kind: z.literal('b') })])

/** All printed by FastAPI 0.165 with pydantic 2.14 for the same field in Python and the same value. */
const printedByFastApi: [z.ZodType, unknown, { type: string; msg: string; ctx?: object }][] = [
  [z.string(), 5, { type: 'string_type', msg: 'Input should be a valid string' }],
  [z.string(), null, { type: 'string_type', msg: 'Input should be a valid string' }],
  [
    z.string().min(3),
    'a',
    { type: 'string_too_short', msg: 'String should have at least 3 characters', ctx: { min_length: 3 } },
  ],
  [
    z.string().length(1),
    '',
    { type: 'string_too_short', msg: 'String should have at least 1 character', ctx: { min_length: 1 } },
  ],
  [
    z.string().max(1),
    'ab',
    { type: 'string_too_long', msg: 'String should have at most 1 character', ctx: { max_length: 1 } },
  ],
  [
    z.string().regex(/^a+$/),
    'b',
    { type: 'string_pattern_mismatch', msg: "String should match pattern '^a+$'", ctx: { pattern: '^a+$' } },
  ],
  [z.int(), 'x', { type: 'int_parsing', msg: 'Input should be a valid integer, unable to parse string as an integer' }],
  [
    z.int(),
    5.5,
    { type: 'int_from_float', msg: 'Input should be a valid integer, got a number with a fractional part' },
  ],
  [z.int(), [], { type: 'int_type', msg: 'Input should be a valid integer' }],
  [z.int().optional(), null, { type: 'int_type', msg: 'Input should be a valid integer' }],
  [
    z.number(),
    'x',
    { type: 'float_parsing', msg: 'Input should be a valid number, unable to parse string as a number' },
  ],
  [z.number(), [], { type: 'float_type', msg: 'Input should be a valid number' }],
  [z.number().gt(1), 1, { type: 'greater_than', msg: 'Input should be greater than 1', ctx: { gt: 1 } }],
  [
    z.int().min(1),
    0,
    { type: 'greater_than_equal', msg: 'Input should be greater than or equal to 1', ctx: { ge: 1 } },
  ],
  [z.int().lt(10), 10, { type: 'less_than', msg: 'Input should be less than 10', ctx: { lt: 10 } }],
  [
    z.number().max(10.5),
    11,
    { type: 'less_than_equal', msg: 'Input should be less than or equal to 10.5', ctx: { le: 10.5 } },
  ],
  [
    z.number().multipleOf(5),
    3,
    { type: 'multiple_of', msg: 'Input should be a multiple of 5', ctx: { multiple_of: 5 } },
  ],
  [z.boolean(), 'x', { type: 'bool_parsing', msg: 'Input should be a valid boolean, unable to interpret input' }],
  [z.boolean(), 5, { type: 'bool_parsing', msg: 'Input should be a valid boolean, unable to interpret input' }],
  [z.boolean(), [], { type: 'bool_type', msg: 'Input should be a valid boolean' }],
  [z.stringbool(), 'x', { type: 'bool_parsing', msg: 'Input should be a valid boolean, unable to interpret input' }],
  [
    z.literal(['x', 'y', 'z']),
    'q',
    { type: 'literal_error', msg: "Input should be 'x', 'y' or 'z'", ctx: { expected: "'x', 'y' or 'z'" } },
  ],
  [z.literal('x'), 'q', { type: 'literal_error', msg: "Input should be 'x'", ctx: { expected: "'x'" } }],
  [
    z.literal([1, 'a', true]),
    'q',
    { type: 'literal_error', msg: "Input should be 1, 'a' or True", ctx: { expected: "1, 'a' or True" } },
  ],
  [
    z.enum(['red', 'blue']),
    'q',
    { type: 'enum', msg: "Input should be 'red' or 'blue'", ctx: { expected: "'red' or 'blue'" } },
  ],
  [z.array(z.string()), 'x', { type: 'list_type', msg: 'Input should be a valid list' }],
  [
    z.array(z.int()).min(2),
    [1],
    {
      type: 'too_short',
      msg: 'List should have at least 2 items after validation, not 1',
      ctx: { field_type: 'List', min_length: 2, actual_length: 1 },
    },
  ],
  [
    z.array(z.int()).max(3),
    [1, 2, 3, 4],
    {
      type: 'too_long',
      msg: 'List should have at most 3 items after validation, not 4',
      ctx: { field_type: 'List', max_length: 3, actual_length: 4 },
    },
  ],
  [z.tuple([z.int()]), 5, { type: 'tuple_type', msg: 'Input should be a valid tuple' }],
  [z.record(z.string(), z.int()), 5, { type: 'dict_type', msg: 'Input should be a valid dictionary' }],
  [
    z.object({}),
    5,
    {
      type: 'model_attributes_type',
      msg: 'Input should be a valid dictionary or object to extract fields from',
    },
  ],
  [z.null(), 1, { type: 'none_required', msg: 'Input should be None' }],
  [
    tagged,
    { kind: 'c' },
    {
      type: 'union_tag_invalid',
      msg: "Input tag 'c' found using 'kind' does not match any of the expected tags: 'a', 'b'",
      ctx: { discriminator: "'kind'", tag: 'c', expected_tags: "'a', 'b'" },
    },
  ],
  [
    tagged,
    {},
    {
      type: 'union_tag_not_found',
      msg: "Unable to extract tag using discriminator 'kind'",
      ctx: { discriminator: "'kind'" },
    },
  ],
  [
    z.string().refine((value) => value === 'a', 'boom'),
    'b',
    { type: 'value_error', msg: 'Value error, boom', ctx: { error: {} } },
  ],
]

describe('what zod finds, as FastAPI prints it', () => {
  for (const [field, value, printed] of printedByFastApi) {
    it(`is ${printed.type} for ${JSON.stringify(value)}: ${printed.msg}`, () => {
      expect(itemsFor(field, value)).to.deep.equal([{ ...printed, loc: ['body', 'a'], input: value }])
    })
  }

  it('says of a field of a body that is missing what it is missing from', () => {
    const schema = z.object({ sub: z.object({ n: z.int(), kind: z.enum(['a']), u: z.union([z.int(), z.string()]) }) })
    const data = { sub: {} }
    const missing = { type: 'missing', msg: 'Field required', input: {} }
    expect(itemsOf({ target: 'json', schema, data })).to.deep.equal([
      { ...missing, loc: ['body', 'sub', 'n'] },
      { ...missing, loc: ['body', 'sub', 'kind'] },
      { ...missing, loc: ['body', 'sub', 'u'] },
    ])
  })

  for (const [target, place] of [
    ['query', 'query'],
    ['param', 'path'],
    ['header', 'header'],
    ['cookie', 'cookie'],
    ['form', 'body'],
  ] as const) {
    it(`says nothing of the other fields where one is missing in a ${target}`, () => {
      const items = itemsOf({ target, schema: z.object({ input: z.string() }), data: { other: 'a' } })
      expect(items).to.deep.equal([{ type: 'missing', loc: [place, 'input'], msg: 'Field required', input: null }])
    })
  }

  it('calls a coerced integer an integer and a coerced number a number', () => {
    const schema = z.object({ i: z.coerce.number().int().min(1).optional(), f: z.coerce.number().default(1) })
    const items = itemsOf({ target: 'query', schema, data: { i: 'x', f: 'y' } })
    expect(items.map(({ type, input }) => [type, input])).to.deep.equal([
      ['int_parsing', 'x'],
      ['float_parsing', 'y'],
    ])
    const [fraction] = itemsOf({ target: 'query', schema, data: { i: '5.5' } })
    expect(fraction).to.include({ type: 'int_parsing', input: '5.5' })
  })

  it('calls an integer a number where the schema is not known', () => {
    const schema = z.object({ i: z.coerce.number().int() })
    const { error } = schema.safeParse({ i: 'x' })
    const [item] = invalidItems({ target: 'query', data: { i: 'x' } }, error?.issues ?? [])
    expect(item).to.include({ type: 'float_parsing', input: 'x' })
  })

  it('names each field that is not allowed', () => {
    const items = itemsOf({ target: 'json', schema: z.strictObject({}), data: { b: 1, c: [2] } })
    const forbidden = { type: 'extra_forbidden', msg: 'Extra inputs are not permitted' }
    expect(items).to.deep.equal([
      { ...forbidden, loc: ['body', 'b'], input: 1 },
      { ...forbidden, loc: ['body', 'c'], input: [2] },
    ])
  })

  it('points into lists with numbers', () => {
    const [item] = itemsFor(z.array(z.object({ n: z.int() })), [{ n: 1 }, { n: 'x' }])
    expect(item).to.deep.include({ type: 'int_parsing', loc: ['body', 'a', 1, 'n'], input: 'x' })
  })

  it('says what every member of a union misses', () => {
    const items = itemsFor(z.union([z.boolean(), z.object({ n: z.string() })]), { n: 5 })
    expect(items.map(({ type, loc }) => [type, loc])).to.deep.equal([
      ['bool_type', ['body', 'a']],
      ['string_type', ['body', 'a', 'n']],
    ])
  })

  it('does not call a field missing that a check written by hand points at', () => {
    const schema = z.object({ a: z.string() }).superRefine((_, context) => {
      context.addIssue({ code: 'custom', path: ['b'], message: 'boom' })
    })
    const [item] = itemsOf({ target: 'json', schema, data: { a: 'x' } })
    expect(item).to.deep.include({ type: 'value_error', loc: ['body', 'b'], input: null })
  })

  it('does not call a field missing of something that the schema made of what was sent', () => {
    const json = z.string().transform((text): unknown => JSON.parse(text))
    const schema = z.object({ filter: json.pipe(z.object({ n: z.string() })) })
    const [item] = itemsOf({ target: 'query', schema, data: { filter: '{"n":1}' } })
    expect(item).to.deep.include({ type: 'string_type', loc: ['query', 'filter', 'n'], input: null })
  })

  it('can be written as JSON when a bound is a bigint', () => {
    const schema = z.object({ a: z.coerce.bigint().min(3n), b: z.coerce.bigint().multipleOf(5n) })
    const items = itemsOf({ target: 'query', schema, data: { a: '1', b: '3' } })
    expect(JSON.parse(JSON.stringify(items.map(({ type, ctx }) => ({ type, ctx }))))).to.deep.equal([
      { type: 'greater_than_equal', ctx: { ge: 3 } },
      { type: 'multiple_of', ctx: { multiple_of: 5 } },
    ])
  })
})

describe('a body that is not JSON', () => {
  it('is nothing to complain of when it is JSON', () => {
    expect(malformedJson('{"a": [null]}')).to.equal(undefined)
  })

  it('is missing when it is empty', () => {
    expect(malformedJson('')).to.equal(missingBody)
    expect(missingBody).to.deep.equal({ type: 'missing', loc: ['body'], msg: 'Field required', input: null })
  })

  for (const [text, position] of [
    ['{"a":', 5],
    ['{a:1}', 1],
    ['{"text": "a" "b"}', 13],
  ] as const) {
    it(`is said to break at ${position} in ${text}`, () => {
      const item = malformedJson(text)
      expect(item).to.deep.include({
        type: 'json_invalid',
        loc: ['body', position],
        msg: 'JSON decode error',
        input: {},
      })
      expect(item?.ctx?.['error'])
        .to.be.a('string')
        .that.does.not.match(/position|^$/)
    })
  }

  it('is not repeated in the answer', () => {
    const item = malformedJson(`secret ${'x'.repeat(100)}`)
    expect(item).to.deep.include({ type: 'json_invalid', loc: ['body'], ctx: { error: "Unexpected token 's'" } })
  })
})
