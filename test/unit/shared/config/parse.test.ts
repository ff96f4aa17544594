import { expect } from 'chai'
import { configFromCode, parseConfig, parseRuntimeEnv } from '../../../../shared/config/parse.ts'
import { ServeError } from '../../../../shared/errors.ts'

/** What is said of a text, without the name of the file. */
function problems(text: string): string[] {
  return refusal(() => parseConfig(text, 'serve.yaml')).map((line) => line.replace('serve.yaml:', ''))
}

function refusal(run: () => unknown): string[] {
  try {
    run()
  } catch (error) {
    if (error instanceof ServeError && error.code === 'bad_config') return error.message.split('\n')
    throw error
  }
  throw new Error('it was accepted')
}

/** An application with one more line, the fifth. */
const application = (line: string) => `applications:
- name: a
  route_prefix: /a
  import_path: main:app
  ${line}
`
const deployment = (line: string) => `${application('deployments:')}  - name: X
    ${line}
`

describe('a configuration file', () => {
  it('has the defaults of the reference filled in', () => {
    const config = parseConfig('applications: [{import_path: "main:app"}]', 'serve.yaml')
    expect(config).to.deep.include({ proxy_location: 'EveryNode', target_capacity: null, logging_config: null })
    expect(config.http_options).to.deep.equal({
      host: '127.0.0.1',
      port: 8000,
      root_path: '',
      request_timeout_s: null,
      keep_alive_timeout_s: 90,
      ssl_keyfile: null,
      ssl_certfile: null,
      ssl_keyfile_password: null,
      ssl_ca_certs: null,
    })
    expect(config.applications[0]).to.deep.include({ name: 'default', route_prefix: '/', args: {}, deployments: [] })
  })

  it('may be JSON, and may use anchors and merge keys', () => {
    expect(parseConfig('{"applications": [{"import_path": "a:b"}]}', 'x.json').applications).to.have.lengthOf(1)
    const text = `applications:
- &base {name: a, route_prefix: /a, import_path: a:b}
- {<<: *base, name: b, route_prefix: /b}
`
    expect(parseConfig(text, 'serve.yaml').applications[1]).to.include({ name: 'b', import_path: 'a:b' })
  })

  it('may have everything that the documentation of the reference has', () => {
    const text = `proxy_location: EveryNode
http_options: {host: 0.0.0.0, port: 8000, root_path: "", request_timeout_s: null, keep_alive_timeout_s: 90}
grpc_options: {port: 9000, grpc_servicer_functions: []}
logging_config: {encoding: TEXT, log_level: INFO, logs_dir: null, enable_access_log: true, additional_log_standard_attrs: []}
target_capacity: null
applications:
- name: app1
  route_prefix: /app1
  import_path: module.sub:attr
  runtime_env: {}
  args: {}
  external_scaler_enabled: false
  autoscaling_policy: null
  logging_config: null
  deployments: [{name: X, num_replicas: 2, graceful_shutdown_wait_loop_s: 0.2, autoscaling_config: null}]
`
    expect(parseConfig(text, 'serve.yaml').applications[0]?.deployments[0]).to.include({ name: 'X', num_replicas: 2 })
  })

  const reference: [string, string, string[]][] = [
    ['no applications', '{}', ['1:1: applications: Field required']],
    ['no import path', 'applications:\n- name: a\n', ['2:3: applications.0.import_path: Field required']],
    [
      'an import path without an export',
      'applications: [{import_path: m}]',
      [
        "1:30: applications.0.import_path: Got invalid import path \"m\": expected 'module:export', for example 'main:app' or 'path/to/main.ts:app'",
      ],
    ],
    [
      'an import path with two colons',
      'applications: [{import_path: "a:b:c"}]',
      ['1:30: applications.0.import_path: Got invalid import path "a:b:c". An import path may have at most one colon.'],
    ],
    [
      'two applications of a name',
      'applications:\n- {name: a, import_path: a:b}\n- {name: a, import_path: a:b, route_prefix: /b}\n',
      ['3:10: applications.1.name: Found multiple configs for application "a". Please remove all duplicates.'],
    ],
    [
      'two applications without a prefix of their own',
      'applications:\n- {name: a, import_path: a:b}\n- {name: b, import_path: a:b}\n',
      [
        '3:3: applications.1.route_prefix: Found duplicate applications for route prefix "/". Please ensure each application\'s route_prefix is unique.',
      ],
    ],
    [
      'an application without a name',
      'applications: [{name: "", import_path: a:b}]',
      ['1:23: applications.0.name: Application names must be nonempty.'],
    ],
    [
      'a host in an application',
      application('host: 1.1.1.1'),
      [
        '5:3: applications.0.host: Host "1.1.1.1" is set in the config for application `a`. Please remove it and set host in the top level deploy config only. It belongs in http_options.',
      ],
    ],
    [
      'no replicas',
      deployment('num_replicas: 0'),
      ['7:19: applications.0.deployments.0.num_replicas: Input should be greater than 0, not 0'],
    ],
    [
      'lots of replicas',
      deployment('num_replicas: lots'),
      ['7:19: applications.0.deployments.0.num_replicas: `num_replicas` must be an int or "auto", but got: "lots"'],
    ],
    [
      'more than all capacity',
      'target_capacity: 101\napplications: []\n',
      ['1:18: target_capacity: Input should be less than or equal to 100, not 101'],
    ],
    [
      'proxies somewhere else',
      'proxy_location: Moon\napplications: []\n',
      ["1:17: proxy_location: Input should be 'Disabled', 'HeadOnly' or 'EveryNode', not \"Moon\""],
    ],
    [
      'another status for a full queue',
      deployment('backpressure_config: {status_code: 500}'),
      ['7:40: applications.0.deployments.0.backpressure_config.status_code: Input should be 503 or 429, not 500'],
    ],
    [
      'an update of nothing at a time',
      deployment('rolling_update_percentage: 0'),
      ['7:32: applications.0.deployments.0.rolling_update_percentage: Input should be greater than 0, not 0'],
    ],
    [
      'a negative grace',
      deployment('graceful_shutdown_timeout_s: -1'),
      [
        '7:34: applications.0.deployments.0.graceful_shutdown_timeout_s: Input should be greater than or equal to 0, not -1',
      ],
    ],
    [
      'a health check without a pause',
      deployment('health_check_period_s: 0'),
      ['7:28: applications.0.deployments.0.health_check_period_s: Input should be greater than 0, not 0'],
    ],
    [
      'a queue of text',
      deployment('max_queued_requests: "5"'),
      ['7:26: applications.0.deployments.0.max_queued_requests: Input should be a valid integer, not "5"'],
    ],
    [
      'null for the number of requests',
      deployment('max_ongoing_requests: null'),
      ['7:27: applications.0.deployments.0.max_ongoing_requests: `max_ongoing_requests` must be non-null, got None.'],
    ],
    [
      'a queue of none',
      deployment('max_queued_requests: 0'),
      [
        '7:26: applications.0.deployments.0.max_queued_requests: max_queued_requests must be -1 (no limit) or a positive integer.',
      ],
    ],
    [
      'replicas by hand and by themselves',
      deployment('{num_replicas: 2, autoscaling_config: {}}').replace('name: X\n    {', '{name: X, '),
      [
        '6:29: applications.0.deployments.0.num_replicas: Manually setting num_replicas is not allowed when autoscaling_config is provided.',
      ],
    ],
    [
      'an encoding that nobody reads',
      application('logging_config: {encoding: XML}'),
      [
        "5:30: applications.0.logging_config.encoding: Got 'XML' for encoding. Encoding must be one of ['JSON', 'TEXT'].",
      ],
    ],
    [
      'a level that nobody knows',
      'logging_config: {log_level: LOUD}\napplications: []\n',
      [
        "1:29: logging_config.log_level: Got \"LOUD\" for log_level. log_level must be one of ['CRITICAL', 'FATAL', 'ERROR', 'WARN', 'WARNING', 'INFO', 'DEBUG', 'NOTSET'].",
      ],
    ],
    [
      'a prefix with a slash at its end',
      'applications: [{route_prefix: /a/, import_path: a:b}]',
      ["1:31: applications.0.route_prefix: Invalid route_prefix '/a/', may not end with a trailing '/'."],
    ],
  ]
  for (const [what, text, expected] of reference) {
    it(`refuses ${what} in the words of the reference, and says where`, () => {
      expect(problems(text)).to.deep.equal(expected)
    })
  }

  const quirks: [string, string, string[]][] = [
    [
      'unknown keys at the top',
      'http_option: {}\napplications: []\n',
      ["1:1: http_option: Extra inputs are not permitted; did you mean 'http_options'?"],
    ],
    [
      'unknown keys of a deployment, also in camelCase',
      deployment('healthCheckPeriodS: 3'),
      [
        "7:5: applications.0.deployments.0.healthCheckPeriodS: Extra inputs are not permitted; did you mean 'health_check_period_s'?",
      ],
    ],
    [
      'known keys in another place',
      `import_path: a:b\n${application('num_replicas: 2')}`,
      [
        "1:1: import_path: Extra inputs are not permitted; 'import_path' belongs in applications[]",
        "6:3: applications.0.num_replicas: Extra inputs are not permitted; 'num_replicas' belongs in applications[].deployments[]",
      ],
    ],
    [
      'keys that resemble none, naming those there are',
      application('runtime_env: {pip: [numpy]}'),
      ['5:17: applications.0.runtime_env.pip: Extra inputs are not permitted; here may be env_vars, working_dir'],
    ],
    [
      'a prefix without a slash',
      'applications: [{route_prefix: a, import_path: a:b}]',
      ["1:31: applications.0.route_prefix: Invalid route_prefix 'a', must start with a forward slash ('/')."],
    ],
    [
      'fewer replicas at most than at least',
      deployment('autoscaling_config: {min_replicas: 4, max_replicas: 2}'),
      [
        '7:57: applications.0.deployments.0.autoscaling_config.max_replicas: max_replicas (2) must be greater than or equal to min_replicas (4)!',
      ],
    ],
    [
      'a first number of replicas out of bounds',
      deployment('autoscaling_config: {initial_replicas: 3}'),
      [
        '7:44: applications.0.deployments.0.autoscaling_config.initial_replicas: max_replicas (1) must be greater than or equal to initial_replicas (3)!',
      ],
    ],
  ]
  for (const [what, text, expected] of quirks) {
    it(`refuses ${what}, where the reference is silent`, () => {
      expect(problems(text)).to.deep.equal(expected)
    })
  }

  const others: [string, string, RegExp][] = [
    ['nothing at all', '# later\n', /^1:1: the file is empty; say what shall run/],
    ['what is no YAML', 'applications:\n- name: a\n import_path: x\n', /^3:1: /],
    [
      'the same key twice',
      'target_capacity: 1\ntarget_capacity: 2\napplications: []\n',
      /^2:1: Map keys must be unique/,
    ],
    ['a list', '- a\n', /^1:1: Input should be a valid dictionary/],
    [
      'two deployments of a name',
      application('deployments: [{name: X}, {name: X}]'),
      /^5:\d+: .*Found multiple configs for deployment "X"/,
    ],
    [
      'an environment of numbers',
      application('runtime_env: {env_vars: {A: 1}}'),
      /^5:31: .*A: must be text: put it in quotes$/,
    ],
    [
      "batoid's own variables",
      application('runtime_env: {env_vars: {BATOID_X: a}}'),
      /^5:28: .*BATOID_X: names that begin with/,
    ],
    ['what is no JSON', deployment('user_config: {a: .nan}'), /^7:\d+: .*user_config.* is not JSON-serializable$/],
    ['a tag that means nothing', 'applications: !!js/function x\n', /^1:15: Unresolved tag/],
    [
      'two documents',
      'applications: []\n---\napplications: []\n',
      /^\d:1: the file has several documents; a configuration is one$/,
    ],
    ['what is no number', 'target_capacity: .nan\napplications: []\n', /^1:18: target_capacity: .*, not NaN$/],
    ['an alias to nothing', 'applications: *none\n', /Unresolved alias/],
    [
      'what batoid does not have',
      deployment('num_replicas: auto'),
      /^7:19: .*num_replicas: batoid does not have it yet: leave it out$/,
    ],
    ['gRPC', 'grpc_options: {grpc_servicer_functions: [a.b]}\napplications: []\n', /^1:\d+: .*batoid has no gRPC/],
    [
      'logs in a directory that depends',
      application('logging_config: {logs_dir: logs}'),
      /^5:30: .*must be an absolute path$/,
    ],
  ]
  for (const [what, text, expected] of others) {
    it(`refuses ${what}`, () => expect(problems(text).join('\n')).to.match(expected))
  }

  it('is told everything that is wrong with it at once, in the order of the file', () => {
    const lines = problems(`target_capacity: -1\n${deployment('num_replicas: 0\n    max_queued: 1')}`)
    expect(lines.map((line) => line.replace(/: .*/, ''))).to.deep.equal(['1:18', '8:19', '9:5'])
  })
})

describe('a configuration in code', () => {
  it('is the same in camelCase; what users name themselves stays as it is', () => {
    const config = configFromCode(
      {
        targetCapacity: 50,
        applications: [
          {
            importPath: 'main:app',
            runtimeEnv: { envVars: { some_name: 'x', otherName: 'y' } },
            args: { theArg: 1 },
            deployments: [
              { name: 'X', userConfig: { maxItems: 1 }, rayActorOptions: { numCpus: 2, resources: { bigDisk: 1 } } },
            ],
          },
        ],
      },
      'batoid.config.ts',
    )
    expect(config.target_capacity).to.equal(50)
    expect(config.applications[0]).to.deep.include({
      import_path: 'main:app',
      runtime_env: { env_vars: { some_name: 'x', otherName: 'y' } },
      args: { theArg: 1 },
      deployments: [
        { name: 'X', user_config: { maxItems: 1 }, ray_actor_options: { num_cpus: 2, resources: { bigDisk: 1 } } },
      ],
    })
  })

  it('is checked like a file, and told so in camelCase', () => {
    const wrong = {
      applications: [{ import_path: 'a:b', importPath: 'a:b', deployments: [{ name: 'X', numReplicas: 0 }] }],
    }
    expect(refusal(() => configFromCode(wrong, 'batoid.config.ts'))).to.deep.equal([
      "batoid.config.ts: applications.0.import_path: Extra inputs are not permitted; did you mean 'importPath'?",
      'batoid.config.ts: applications.0.deployments.0.numReplicas: Input should be greater than 0, not 0',
    ])
    expect(refusal(() => configFromCode(3, 'batoid.config.ts'))[0]).to.match(/^batoid\.config\.ts: Input should be/)
  })
})

describe('a runtime environment', () => {
  it('is YAML or JSON, and checked as in a configuration', () => {
    expect(parseRuntimeEnv('env_vars: {A: b}\nworking_dir: x', 'env.yaml')).to.deep.equal({
      env_vars: { A: 'b' },
      working_dir: 'x',
    })
    expect(
      refusal(() => parseRuntimeEnv('{"env_vars": {"A": 1, "BATOID_X": ""},\n"pip": []}', 'env.json')),
    ).to.deep.equal([
      'env.json:1:20: env_vars.A: must be text: put it in quotes',
      "env.json:1:23: env_vars.BATOID_X: names that begin with BATOID_ are batoid's own",
      'env.json:2:1: pip: Extra inputs are not permitted; here may be env_vars, working_dir',
    ])
    expect(refusal(() => parseRuntimeEnv('', 'env.yaml'))).to.deep.equal([
      'env.yaml:1:1: there is nothing; say env_vars: {...} or working_dir: ...',
    ])
  })
})
