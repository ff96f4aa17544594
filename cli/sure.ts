import { createInterface } from 'node:readline/promises'
import { ServeError } from '../shared/errors.ts'

/** @throws ServeError `refused` unless the user says yes */
export async function makeSure(what: string): Promise<void> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout })
  terminal.on('close', () => undefined)
  const answer = await Promise.race([
    terminal.question(`${what} Do you want to continue? [y/N]: `),
    new Promise<string>((settle) => terminal.once('close', () => settle(''))),
  ])
  terminal.close()
  if (!/^y(es)?$/i.test(answer.trim())) throw new ServeError('refused', 'Aborted! (-y does not ask.)')
}
