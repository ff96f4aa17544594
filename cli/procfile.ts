import { ServeError } from '../shared/errors.ts'

export interface ProcfileEntry {
  readonly name: string
  readonly command: string
}

/** Reads `name: command` lines; blank lines and lines that begin with # do not count. */
export function parseProcfile(text: string): ProcfileEntry[] {
  const entries = text.split('\n').flatMap((line, index) => {
    if (/^\s*(#|$)/.test(line)) return []
    const [, name, command] = /^([A-Za-z0-9_-]+):\s*(\S.*?)\s*$/.exec(line) ?? []
    if (name === undefined || command === undefined) {
      throw new ServeError('bad_procfile', `line ${index + 1} of the Procfile is not 'name: command': ${line}`)
    }
    return [{ name, command }]
  })
  const twice = entries.find(({ name }, i) => entries.findIndex((other) => other.name === name) < i)
  if (twice === undefined) return entries
  throw new ServeError('bad_procfile', `the Procfile has two lines named '${twice.name}'`)
}
