import { messageOf, ServeError } from '../shared/errors.ts'
import { complain } from './complain.ts'

/**
 * A reader who has had enough, as `head`, is no error: a command goes on with what it does besides printing. What cannot
 * be written for another reason, as where a disk is full, is one.
 */
export function watchOutput(): void {
  process.stderr.on('error', () => undefined)
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') return
    const what = `cannot write to the standard output: ${messageOf(error)}`
    process.exitCode = complain(new ServeError('internal', what))
  })
}
