import * as z from 'zod'

const factor = z.number().positive().nullable()
const seconds = z.number().nonnegative()

/** What a bound counts as when it is not said. */
const MIN_REPLICAS = 1
const MAX_REPLICAS = 1

/** Ray Serve's `autoscaling_config`, with the checks that Ray makes in code and forgets in files. */
export const autoscalingConfig = z
  .strictObject({
    min_replicas: z.int().nonnegative().describe('As few replicas; 0: none while there are no requests.'),
    initial_replicas: z.int().nonnegative().nullable().describe('How many replicas the first deploy starts.'),
    max_replicas: z.int().positive().describe('As many replicas.'),
    target_ongoing_requests: z.number().positive().describe('How many ongoing requests each replica shall have.'),
    metrics_interval_s: z.number().positive().describe('How often requests are counted.'),
    look_back_period_s: z.number().positive().describe('Over how long their number is averaged.'),
    smoothing_factor: z.number().positive().describe('How strongly to react; the old name of both factors.'),
    upscale_smoothing_factor: factor.describe('The old name of upscaling_factor.'),
    downscale_smoothing_factor: factor.describe('The old name of downscaling_factor.'),
    upscaling_factor: factor.describe('How strongly to react to more requests.'),
    downscaling_factor: factor.describe('How strongly to react to fewer requests.'),
    upscale_delay_s: seconds.describe('How long more must be needed before there are more.'),
    downscale_delay_s: seconds.describe('How long fewer must do before there are fewer.'),
    downscale_to_zero_delay_s: seconds.nullable().describe('The same before the last one goes.'),
    aggregation_function: z.enum(['mean', 'max', 'min']).describe('How counts become one number.'),
    policy: z
      .strictObject({
        policy_function: z.string().describe('The import path of the policy.'),
        policy_kwargs: z.record(z.string(), z.json()).describe('What it is called with.'),
      })
      .partial()
      .describe('Who decides.'),
  })
  .partial()
  .superRefine((bounds, context) => {
    const { initial_replicas: initial } = bounds
    const min = bounds.min_replicas ?? MIN_REPLICAS
    const max = bounds.max_replicas ?? MAX_REPLICAS
    const report = (path: string, message: string) => context.addIssue({ code: 'custom', path: [path], message })
    if (max < min) {
      const at = bounds.max_replicas === undefined ? 'min_replicas' : 'max_replicas'
      report(at, `max_replicas (${max}) must be greater than or equal to min_replicas (${min})!`)
    }
    if (initial === undefined || initial === null) return
    if (initial < min)
      report('initial_replicas', `min_replicas (${min}) must be less than or equal to initial_replicas (${initial})!`)
    if (initial > max)
      report(
        'initial_replicas',
        `max_replicas (${max}) must be greater than or equal to initial_replicas (${initial})!`,
      )
  })
