/** Ongoing requests may take so long to finish when a proxy leaves; longer than replicas may take to drain by default. */
export const PROXY_GRACE_MS = 20_000
/** The controller's, for its replicas. */
export const CONTROLLER_GRACE_MS = 8_000
/** A process that has done all it had to may take so long to end. */
export const EXIT_GRACE_MS = 1_000

/** Calls `leave` when this process is asked to, once. */
export function whenAskedToLeave(leave: () => void): void {
  let isLeaving = false
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (!isLeaving) leave()
      isLeaving = true
    })
  }
}
