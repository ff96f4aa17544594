/** Ongoing requests may take so long to finish when a proxy leaves; longer than replicas may take to drain by default. */
export const PROXY_GRACE_MS = 20_000
/** The controller's, for its replicas. */
export const CONTROLLER_GRACE_MS = 8_000
/** A process that has done all it had to may take so long to end. */
export const EXIT_GRACE_MS = 1_000
/** What the two ends of a WebSocket have of any of these to say goodbye, before they are cut off. */
export const FAREWELL_MS = 500
/** The close code of a WebSocket that says so: the server restarts, and the client may come back at once. */
export const SERVICE_RESTART = 1012

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
