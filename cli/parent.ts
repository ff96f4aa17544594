import type { Clock } from '../shared/clock.ts'

const LOOK_MS = 500

/**
 * npm and npx run a command below a shell. Whoever ends them with SIGTERM ends that shell, which tells nobody: the
 * command would live on unseen. Calls `lost` once when the parent is another than at the start.
 */
export function watchParent(clock: Clock, lost: () => void): () => void {
  const parent = process.ppid
  let cancel: (() => void) | undefined
  const look = () => {
    if (process.ppid === parent) cancel = clock.after(LOOK_MS, look)
    else lost()
  }
  look()
  return () => cancel?.()
}
