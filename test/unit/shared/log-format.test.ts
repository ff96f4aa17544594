import { expect } from 'chai'
import fc from 'fast-check'
import { asctime, escapeControls, escapeInline, logLines, printLines, showHeader } from '../../../shared/log-format.ts'

const at = (ms: number) => new Date(2026, 10, 22, 7, 33, 17, ms).getTime()
const header = (requestId?: string) =>
  showHeader({ level: 'INFO', nowMs: at(538), component: 'controller 31163', requestId })

// What a terminal or a reader of lines takes for more than text.
function isRaw(character: string): boolean {
  const code = character.codePointAt(0) ?? 0
  if (code < 0x20) return character !== '\t' && character !== '\n'
  return (code >= 0x7f && code <= 0x9f) || code === 0x2028 || code === 0x2029 || (code >= 0xd800 && code <= 0xdfff)
}

describe('the format of log lines', () => {
  it('shows the time as Python does, in local time', () => {
    expect(asctime(at(7))).to.equal('2026-11-22 07:33:17,007')
    expect(asctime(at(999.9))).to.equal('2026-11-22 07:33:17,999')
  })

  it('shows the next second after the last one', () => {
    const shown = [999, 1000, 2001, 999].map((ms) => asctime(at(ms)))
    expect(shown.map((text) => text.slice(17))).to.eql(['17,999', '18,000', '19,001', '17,999'])
  })

  it('has component and id before the message', () => {
    expect(header()).to.equal('INFO 2026-11-22 07:33:17,538 controller 31163 -- ')
  })

  it('has the request id before the message', () => {
    expect(header('7e94b127')).to.equal('INFO 2026-11-22 07:33:17,538 controller 31163 7e94b127 -- ')
  })

  it('has two spaces for an empty request id', () => {
    expect(header('')).to.equal('INFO 2026-11-22 07:33:17,538 controller 31163  -- ')
  })

  it('shows a message of one line alike in file and output', () => {
    expect(logLines('H -- ', 'hello')).to.eql({ file: 'H -- hello\n', output: 'H -- hello\n' })
  })

  it('puts the header before each line in the file and before the first one in the output', () => {
    const { file, output } = logLines('H $& -- ', 'Request failed.\nError: no\n    at f')
    expect(file).to.equal('H $& -- Request failed.\nH $& -- Error: no\nH $& --     at f\n')
    expect(output).to.equal('H $& -- Request failed.\nError: no\n    at f\n')
  })

  it('shows what user code prints bare in the output and with headers in the file', () => {
    expect(printLines('H -- ', 'a\n\tb')).to.eql({ file: 'H -- a\nH -- \tb\n', output: 'a\n\tb\n' })
    expect(printLines('H -- ', '')).to.eql({ file: 'H -- \n', output: '\n' })
  })

  it('takes a carriage return before a newline for a part of it', () => {
    expect(printLines('H -- ', 'a\r\nb\r').output).to.equal('a\nb\n')
    expect(printLines('H -- ', 'a\rb').output).to.equal('a\\x0db\n')
  })

  it('escapes control characters and leaves other text alone', () => {
    expect(escapeControls('a\x1b[31m\0\x7f\x85\u2028 \ud800 é 漢 😀\t\n')).to.equal(
      'a\\x1b[31m\\x00\\x7f\\x85\\u2028 \\ud800 é 漢 😀\t\n',
    )
  })

  it('keeps a field of the header within its line', () => {
    expect(escapeInline('a\nINFO forged\tb\r\n')).to.equal('a\\x0aINFO forged\\x09b\\x0d\\x0a')
    expect(header('x\ny')).to.match(/ x\\x0ay -- $/)
  })

  it('never lets a raw control character or an additional line through', () => {
    const text = fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)) })
    const any = fc.oneof(text, fc.string({ unit: fc.constantFrom('\n', '\r', '\t', '\x1b', 'a', '\u2028', '\ud83d') }))
    fc.assert(
      fc.property(any, any, (message, requestId) => {
        const head = header(requestId)
        expect(head).not.to.match(/[\n\t]/)
        for (const { file, output } of [logLines(head, message), printLines(head, message)]) {
          expect(Array.from(file + output).some(isRaw)).to.equal(false)
          const lines = file.split('\n')
          expect(lines.pop()).to.equal('')
          expect(lines).to.have.length(message.split('\n').length)
          expect(lines.every((line) => line.startsWith(head))).to.equal(true)
        }
      }),
    )
  })
})
