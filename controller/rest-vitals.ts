import type { TurnsSeen } from './turns.ts'

/** How the controller process itself does. */
export interface Vitals {
  readonly pid: number
  /** Unix times, in seconds. */
  readonly nowS: number
  readonly startedAtS: number
  /** By how much its event loop is late. */
  readonly eventLoopDelayS: number
  readonly openResources: number
  readonly memoryBytes: number
}

/** The reference's measurements of its controller; what batoid's has no equal of has not been measured. */
export function healthMetrics(turns: TurnsSeen, vitals: Vitals) {
  const uptimeS = vitals.nowS - vitals.startedAtS
  return {
    timestamp: vitals.nowS,
    controller_start_time: vitals.startedAtS,
    uptime_s: uptimeS,
    last_control_loop_time: turns.lastAtS,
    num_control_loops: turns.count,
    loop_duration_s: statistics(turns.durationsMs.map((ms) => ms / 1000)),
    loops_per_second: uptimeS > 0 ? turns.count / uptimeS : 0,
    // It does not sleep for a time, but until something happens.
    last_sleep_duration_s: 0,
    expected_sleep_duration_s: 0,
    event_loop_delay_s: vitals.eventLoopDelayS,
    num_asyncio_tasks: vitals.openResources,
    deployment_state_update_duration_s: {},
    application_state_update_duration_s: {},
    proxy_state_update_duration_s: {},
    node_update_duration_s: {},
    handle_metrics_delay_ms: {},
    replica_metrics_delay_ms: {},
    process_memory_mb: vitals.memoryBytes / 2 ** 20,
  }
}

function statistics(values: readonly number[]) {
  if (values.length === 0) return {}
  const mean = sum(values) / values.length
  const variance = sum(values.map((value) => (value - mean) ** 2)) / values.length
  return { mean, std: Math.sqrt(variance), min: Math.min(...values), max: Math.max(...values) }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
