import { expect } from 'chai'
import { applicationsOf, loggingOf } from '../../../../shared/config/applications.ts'
import { LOGGING_DEFAULTS } from '../../../../shared/config/defaults.ts'
import { serveConfig } from '../../../../shared/config/schema.ts'

const of = (config: object) => applicationsOf(serveConfig.parse(config), '/here')

describe('applicationsOf', () => {
  it('says what is to be built, with nothing left out', () => {
    expect(of({ applications: [{ import_path: 'main:app' }] })).to.deep.equal([
      {
        name: 'default',
        routePrefix: '/',
        importPath: 'main:app',
        workingDir: '/here',
        args: {},
        envVars: {},
        loggingConfig: LOGGING_DEFAULTS,
        rollback: false,
        overrides: [],
      },
    ])
  })

  it('counts working directories from where batoid was started', () => {
    const dirs = ['.', 'shop', '/srv/shop'].map((dir, i) => ({
      name: String(i),
      route_prefix: null,
      import_path: 'a:b',
      runtime_env: { working_dir: dir },
    }))
    expect(of({ applications: dirs }).map(({ workingDir }) => workingDir)).to.deep.equal([
      '/here',
      '/here/shop',
      '/srv/shop',
    ])
  })

  it('lets an application log as it says, or else as the file says', () => {
    const config = serveConfig.parse({
      logging_config: { log_level: 'DEBUG', enable_access_log: false },
      applications: [
        { name: 'a', route_prefix: '/a', import_path: 'a:b' },
        { name: 'b', route_prefix: '/b', import_path: 'a:b', logging_config: { encoding: 'JSON' } },
      ],
    })
    const whole = { ...LOGGING_DEFAULTS, logLevel: 'DEBUG', enableAccessLog: false }
    expect(loggingOf(config)).to.deep.equal(whole)
    expect(applicationsOf(config, '/').map(({ loggingConfig }) => loggingConfig)).to.deep.equal([
      whole,
      { ...LOGGING_DEFAULTS, encoding: 'JSON' },
    ])
  })
})
