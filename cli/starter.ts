import { catalogue, type ErrorReport, report } from '../shared/errors.ts'
import { complain } from './complain.ts'

/** What the output of a launcher in the background is named after. */
export const LAUNCHER = 'ServeLauncher'

/** What a launcher in the background says to the command that waits for it. */
export type Said = { readonly type: 'ready' } | { readonly type: 'failed'; readonly error: ErrorReport }

/** The command that has started this launcher in the background, and waits for it. */
export interface Starter {
  /** There is nothing left to wait for: from now on it may go. */
  ready(): void
  /** Says what is wrong where somebody reads it. Returns the exit code. */
  failed(error: unknown): number
  close(): void
}

/** `lost` is called if it goes before it has been told anything. */
export function openStarter(lost: () => void): Starter {
  process.once('disconnect', lost)
  // It may have gone before anybody listened here.
  if (!process.connected) lost()
  let isTold = false
  /** Hangs up once that is on its way. */
  const tell = (said: Said) => {
    isTold = true
    process.off('disconnect', lost)
    process.send?.(said, undefined, undefined, (error: Error | null) => {
      if (error !== null) lost()
      if (process.connected) process.disconnect()
    })
  }
  return {
    ready: () => tell({ type: 'ready' }),
    failed(error) {
      if (isTold || !process.connected) return complain(error)
      const { code, message, stack } = report(error)
      tell({ type: 'failed', error: { code, message, stack } })
      return catalogue[code].exit
    },
    close() {
      process.off('disconnect', lost)
      if (!isTold && process.connected) process.disconnect()
    },
  }
}
