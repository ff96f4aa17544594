import { expect } from 'chai'
import { LOGGING_DEFAULTS } from '../../../../shared/config/defaults.ts'
import { loggingConfig, resolveLogging } from '../../../../shared/config/logging.ts'

describe('a logging_config', () => {
  it('has the defaults of the reference', () => {
    expect(resolveLogging({})).to.deep.equal(LOGGING_DEFAULTS)
  })

  it("understands Python's names of levels in any case, and its numbers", () => {
    const levels = ['debug', 'NOTSET', 'Info', 'warn', 'WARNING', 'ERROR', 'fatal', 'CRITICAL', 10, 25, 60]
    const shown = levels.map((level) => resolveLogging(loggingConfig.parse({ log_level: level })).logLevel)
    expect(shown.join()).to.equal('DEBUG,DEBUG,INFO,WARNING,WARNING,ERROR,CRITICAL,CRITICAL,DEBUG,WARNING,CRITICAL')
  })

  it('refuses attributes of log records that do not exist here', () => {
    expect(loggingConfig.safeParse({ additional_log_standard_attrs: [] }).success).to.equal(true)
    expect(loggingConfig.safeParse({ additional_log_standard_attrs: ['name'] }).success).to.equal(false)
  })
})
