import type { Log } from '../shared/log.ts'

/** The launcher says little, and what it says belongs between the lines of the others: at once. */
export function flushing(log: Log): Log {
  const atOnce =
    (level: 'debug' | 'info' | 'warning' | 'error'): Log['info'] =>
    (message, about) => {
      log[level](message, about)
      log.flush()
    }
  return { ...log, debug: atOnce('debug'), info: atOnce('info'), warning: atOnce('warning'), error: atOnce('error') }
}
