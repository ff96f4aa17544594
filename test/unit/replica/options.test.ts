import { expect } from 'chai'
import { resolveOptions } from '../../../replica/options.ts'
import type { DeploymentOptions } from '../../../shared/config/deployment.ts'
import { ServeError } from '../../../shared/errors.ts'

function refusal(options: unknown, name = 'Model'): ServeError {
  try {
    resolveOptions(name, options as DeploymentOptions)
  } catch (error) {
    if (error instanceof ServeError) return error
  }
  throw new Error('the options were accepted')
}

describe('resolveOptions', () => {
  it("fills in Ray's defaults", () => {
    expect(resolveOptions('Model', {})).to.deep.equal({
      numReplicas: 1,
      maxOngoingRequests: 5,
      maxQueuedRequests: -1,
      backpressureConfig: { statusCode: 503, retryAfterS: null },
      userConfig: null,
      gracefulShutdownWaitLoopS: 2,
      gracefulShutdownTimeoutS: 20,
      maxConstructorRetryCount: 20,
      startTimeoutS: 120,
      healthCheckPeriodS: 10,
      healthCheckTimeoutS: 30,
      frozenTimeoutS: 10,
      rollingUpdatePercentage: 0.2,
      maxReplicasPerNode: null,
      rayActorOptions: { numCpus: 1, numGpus: 0, memory: 0, resources: {}, runtimeEnv: { envVars: {} } },
      loggingConfig: null,
    })
  })

  it('lays over them what the configuration says, option by option', () => {
    const code = { numReplicas: 2, userConfig: { a: 1 }, rayActorOptions: { numCpus: 0.5, numGpus: 1 } }
    const resolved = resolveOptions('Model', code, { num_replicas: 3, ray_actor_options: { num_cpus: 2 } })
    expect(resolved).to.deep.include({ numReplicas: 3, userConfig: { a: 1 } })
    expect(resolved.rayActorOptions).to.deep.equal({
      numCpus: 2,
      numGpus: 0,
      memory: 0,
      resources: {},
      runtimeEnv: { envVars: {} },
    })
    expect(resolveOptions('Model', code, { user_config: null }).userConfig).to.equal(null)
  })

  it('fills in how to log, as a whole', () => {
    const { loggingConfig } = resolveOptions('Model', { loggingConfig: { logLevel: 'warn' } })
    expect(loggingConfig).to.deep.equal({ encoding: 'TEXT', logLevel: 'WARNING', logsDir: null, enableAccessLog: true })
  })

  it('keeps what is given', () => {
    const given = {
      numReplicas: 2,
      backpressureConfig: { statusCode: 429 as const },
      rayActorOptions: { numCpus: 0.2 },
    }
    const resolved = resolveOptions('Model', given)
    expect(resolved.numReplicas).to.equal(2)
    expect(resolved.backpressureConfig).to.deep.equal({ statusCode: 429, retryAfterS: null })
    expect(resolved.rayActorOptions).to.deep.equal({
      numCpus: 0.2,
      numGpus: 0,
      memory: 0,
      resources: {},
      runtimeEnv: { envVars: {} },
    })
  })

  const wrong: [string, unknown, RegExp][] = [
    ['zero replicas', { numReplicas: 0 }, /numReplicas: Input should be greater than 0, not 0/],
    ['half a replica', { numReplicas: 1.5 }, /numReplicas/],
    ['a queue of 0', { maxQueuedRequests: 0 }, /max_queued_requests must be -1 \(no limit\) or a positive integer\./],
    ['status 500 for a full queue', { backpressureConfig: { statusCode: 500 } }, /backpressureConfig\.statusCode/],
    ['a negative grace', { gracefulShutdownTimeoutS: -1 }, /gracefulShutdownTimeoutS/],
    ['an option that nobody knows', { numReplica: 2 }, /numReplica: .*did you mean 'numReplicas'\?/],
    ['an option as files write it', { num_replicas: 2 }, /num_replicas: .*did you mean 'numReplicas'\?/],
    ['an encoding that nobody reads', { loggingConfig: { encoding: 'XML' } }, /loggingConfig\.encoding: Got 'XML'/],
    ['a user configuration that is not JSON', { userConfig: { f: () => 1 } }, /userConfig/],
    ['a health check without a pause', { healthCheckPeriodS: 0 }, /healthCheckPeriodS/],
    ['no patience with frozen replicas', { frozenTimeoutS: 0 }, /frozenTimeoutS/],
    ['one GPU and a half', { rayActorOptions: { numGpus: 1.5 } }, /numGpus: is a whole number, or a fraction below 1/],
    ['a batch of more than all', { rollingUpdatePercentage: 1.5 }, /rollingUpdatePercentage/],
    ['a negative CPU', { rayActorOptions: { numCpus: -1 } }, /rayActorOptions\.numCpus/],
  ]
  for (const [what, options, message] of wrong) {
    it(`refuses ${what}, naming deployment and option`, () => {
      const error = refusal(options)
      expect(error.code).to.equal('bad_option')
      expect(error.message)
        .to.match(/deployment 'Model'/)
        .and.match(message)
    })
  }

  const later: [unknown, RegExp][] = [
    [{ numReplicas: 'auto' }, /numReplicas: 'auto'/],
    [{ autoscalingConfig: {} }, /autoscalingConfig/],
    [{ rayActorOptions: { acceleratorType: 'A100' } }, /rayActorOptions\.acceleratorType/],
  ]
  for (const [options, message] of later) {
    it(`refuses ${JSON.stringify(options)} clearly, for it would do nothing`, () => {
      const error = refusal(options)
      expect(error.code).to.equal('option_unsupported')
      expect(error.message).to.match(message)
    })
  }

  it('refuses names that logs, ids and files cannot carry', () => {
    for (const name of ['a#b', 'a/b', 'a\nb', '', 'x'.repeat(101)])
      expect(refusal({}, name).code).to.equal('bad_option')
  })
})
