import { expect } from 'chai'
import * as fc from 'fast-check'
import * as z from 'zod'
import { camelCase, camelPath, fromCamelCase } from '../../../../shared/config/case.ts'
import { serveConfig } from '../../../../shared/config/schema.ts'
import { memberOf, shapeOf } from '../../../../shared/schema.ts'

const schema = z.strictObject({
  some_list: z.array(z.strictObject({ the_name: z.string() }).partial()).default([]),
  free_form: z.record(z.string(), z.json()),
})

describe('the names of a configuration', () => {
  it('are renamed where the schema names them, and nowhere else', () => {
    const code = { someList: [{ theName: 'a' }], freeForm: { theName: { anotherName: 1 } } }
    expect(fromCamelCase(schema, code)).to.deep.equal({
      value: { some_list: [{ the_name: 'a' }], free_form: { theName: { anotherName: 1 } } },
      unknown: [],
    })
  })

  it('are unknown in the case of files', () => {
    const { value, unknown } = fromCamelCase(schema, { some_list: 1, someList: [{ the_name: 'a' }] })
    expect(value).to.deep.equal({ some_list: [{}] })
    expect(unknown).to.deep.equal([
      { key: 'some_list', within: [] },
      { key: 'the_name', within: ['some_list', 0] },
    ])
  })

  it('are shown in paths as code has them', () => {
    expect(camelPath(schema, ['some_list', 0, 'the_name'])).to.deep.equal(['someList', 0, 'theName'])
    expect(camelPath(schema, ['free_form', 'the_name'])).to.deep.equal(['freeForm', 'the_name'])
  })

  it('are as different in code as in files', () => {
    const look = (at: z.core.$ZodType, depth = 0): void => {
      const names = Object.keys(shapeOf(at) ?? {})
      expect(new Set(names.map(camelCase)).size).to.equal(names.length)
      for (const name of names) look(memberOf(at, name) ?? at, depth + 1)
      const item = names.length === 0 ? memberOf(at, 0) : undefined
      if (item !== undefined && depth < 10) look(item, depth + 1)
    }
    look(serveConfig)
  })

  it('leave whatever is no object as it is', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
        if (!isObject) expect(fromCamelCase(schema, value).value).to.deep.equal(value)
      }),
    )
  })
})
