import { type Debugger, Session } from 'node:inspector'
import type { Clock } from '../../shared/clock.ts'
import { userFrames } from '../user-stack.ts'

/** A pause may fall between two calls of user code: where these are many small ones, most do. */
const PAUSES = 20

/**
 * Asks the main thread a question that V8 answers wherever it finds JavaScript running, be it an endless loop, and that
 * waits for as long as a native call lasts.
 */
export async function askMainThread(): Promise<void> {
  const session = new Session()
  session.connectToMainThread()
  await new Promise<void>((resolve) => session.post('Runtime.getIsolateId', () => resolve()))
  session.disconnect()
}

/** The user's part of the stack on which the main thread is, if it can be had within `withinMs`. */
export function stackOfMainThread(clock: Clock, withinMs: number): Promise<string | undefined> {
  const session = new Session()
  session.connectToMainThread()
  return new Promise((resolve) => {
    let pauses = 0
    const finish = (stack: string | undefined): void => {
      cancel()
      session.removeAllListeners()
      // Whatever it has set going ends with it; a thread that is paused goes on.
      session.disconnect()
      resolve(stack)
    }
    const cancel = clock.after(withinMs, () => finish(undefined))
    session.on('Debugger.paused', ({ params }) => {
      pauses += 1
      evaluate(session, params, (stack) => {
        if (stack !== '' || pauses === PAUSES) return finish(stack === '' ? undefined : stack)
        session.post('Debugger.resume')
        session.post('Debugger.pause')
      })
    })
    session.post('Debugger.enable')
    session.post('Debugger.pause')
  })
}

/** An Error made where it is, since only its stack is in terms of the files that the user wrote. */
function evaluate(session: Session, { callFrames }: Debugger.PausedEventDataType, done: (stack: string) => void): void {
  const callFrameId = callFrames[0]?.callFrameId ?? ''
  const expression = 'String(new Error().stack)'
  session.post('Debugger.evaluateOnCallFrame', { callFrameId, expression, silent: true }, (error, answer) => {
    const stack: unknown = error === null ? answer.result.value : ''
    const frames = typeof stack === 'string' ? userFrames(stack) : []
    done(frames.filter((line) => !line.includes('at eval (eval at ')).join('\n'))
  })
}
