import { expect } from 'chai'
import { userStack } from '../../../replica/user-stack.ts'

describe('userStack', () => {
  const error = new Error('no model')
  error.stack = [
    'Error: no model',
    '    at Model (/home/me/main.ts:3:9)',
    '    at construct (file:///opt/batoid/dist/replica/construct.js:9:1)',
    '    at Module.create (/opt/batoid/dist/replica/deployment.js:9:1)',
    '    at node:internal/process/task_queues:95:5',
  ].join('\n')

  it("keeps the message and the user's own frames, and nothing of batoid and Node", () => {
    expect(userStack(error, '/opt/batoid/dist/')).to.equal('Error: no model\n    at Model (/home/me/main.ts:3:9)')
  })

  it('shows the cause too', () => {
    const outer = new Error('cannot start', { cause: error })
    expect(userStack(outer, '/opt/batoid/dist/')).to.include('Caused by: Error: no model')
  })

  it('shows what is thrown and no error', () => expect(userStack('broken')).to.equal('broken'))

  it('shows an error once that is its own cause', () => {
    const loop = new Error('in a loop')
    loop.cause = loop
    expect(userStack(loop).match(/in a loop/g)).to.have.length(1)
  })
})
