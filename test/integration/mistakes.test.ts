import { chmodSync, mkdirSync, mkdtempSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { type Launched, launch } from '../helpers/cluster.ts'

interface Mistake {
  readonly what: string
  readonly target?: string
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly code: number
  /** Every expression matches a line of the standard error. */
  readonly says: readonly RegExp[]
  /** None of it matches. */
  readonly never?: RegExp
}

const ours = /at .*\/(dist\/(replica|cli|shared)|node_modules\/tsx)\//
const mistakes: Mistake[] = [
  {
    what: 'a module that is not there',
    target: 'test/fixtures/nowhere:app',
    code: 3,
    says: [
      /^ERROR: cannot run 'test\/fixtures\/nowhere:app': no module 'test\/fixtures\/nowhere' in .+ \(looked for .+\); run from/,
    ],
  },
  {
    what: 'an export that is not there',
    target: 'test/fixtures/hello.mjs:application',
    code: 3,
    says: [/^ERROR: cannot run .+hello\.mjs has no export 'application'; it exports app, nothing, one, unbound$/],
  },
  {
    what: 'an export that is no application',
    target: 'test/fixtures/hello.mjs:nothing',
    code: 3,
    says: [
      /^ERROR: cannot run .+ export 'nothing' of .+hello\.mjs is a number, not an application; an application is what/,
    ],
  },
  {
    what: 'a deployment that is not bound',
    target: 'test/fixtures/hello.mjs:unbound',
    code: 3,
    says: [/did you mean to export unbound\.bind\(\)\?$/],
  },
  {
    what: 'an import path without a name',
    target: 'main',
    code: 2,
    says: [/^ERROR: Got invalid import path "main": expected 'module:export'/],
  },
  {
    what: 'a factory that throws: the user sees their own stack',
    target: 'test/fixtures/factory-throws.ts:app',
    code: 3,
    says: [
      /^ERROR: Deploying application 'default' failed: .*\['Broken'\].* failed to start 2 times in a row/,
      /no such model/,
    ],
    never: ours,
  },
  {
    what: 'a factory that never settles',
    target: 'test/fixtures/never-ready.ts:app',
    code: 3,
    says: [/^ERROR: Deploying application 'default' failed: .*\['NeverReady'\].*/, /was not ready within 500 ms/],
  },
  {
    what: 'a factory that returns nothing to serve with',
    target: 'test/fixtures/no-fetch.ts:app',
    code: 3,
    says: [/deployment 'Mute' cannot serve: its factory returned an object of Object without fetch\(request\)/],
  },
  {
    what: 'a module that throws while it is loaded',
    target: 'test/fixtures/throws-on-load.ts:app',
    code: 3,
    says: [
      /^TypeError: Cannot read properties of undefined/,
      /at .*throws-on-load\.ts:2/,
      /^ERROR: cannot run .+ loading .+throws-on-load\.ts failed: TypeError/,
    ],
    never: ours,
  },
  {
    what: 'a module that does not parse',
    target: 'test/fixtures/syntax-error.ts:app',
    code: 3,
    says: [
      // Of tsx, or of Node itself where it runs TypeScript.
      /^ERROR: cannot run .+ loading .+syntax-error\.ts failed: (TransformError: .*syntax-error\.ts:3:0: ERROR|SyntaxError): /,
      /syntax-error\.ts:(3:0|2$)/,
    ],
    never: ours,
  },
  {
    what: 'a module that waits for ever',
    target: 'test/fixtures/never-loaded.mts:app',
    code: 3,
    says: [/^ERROR: cannot run .+ its module waits for a promise that nobody settles/],
  },
  {
    what: 'two deployments of one name',
    target: 'test/fixtures/same-names.ts:app',
    code: 2,
    says: [/^ERROR: two deployments are named 'Model': give one of them another name/],
  },
  {
    what: 'a deployment option with a wrong value',
    target: 'test/fixtures/wrong-option.ts:app',
    code: 2,
    says: [/^ERROR: deployment 'Model' has a wrong option: numReplicas: Input should be greater than 0, not 0$/],
  },
  {
    what: 'a port that is none',
    target: 'test/fixtures/hello.mjs:app',
    args: ['--http-port', '70000'],
    code: 2,
    says: [/^error: option '--http-port <port>' argument '70000' is invalid\. It must be an integer from 0 to 65535\./],
  },
  {
    what: 'no proxy',
    target: 'test/fixtures/hello.mjs:app',
    args: ['--proxies', '0'],
    code: 2,
    says: [/^error: option '--proxies <number>' argument '0' is invalid\. It must be an integer from 1 to 1024\./],
  },
  {
    what: 'one and a half proxies, said in the environment',
    target: 'test/fixtures/hello.mjs:app',
    env: { BATOID_PROXIES: '1.5' },
    code: 2,
    says: [/^error: option '--proxies <number>' value '1\.5' from env 'BATOID_PROXIES' is invalid\. It must be/],
  },
  {
    what: 'a network that is none',
    target: 'test/fixtures/hello.mjs:app',
    args: ['--trusted-proxies', '10.0.0.0/33'],
    code: 2,
    says: [
      /^error: option '--trusted-proxies <networks>' argument '10\.0\.0\.0\/33' is invalid\. It must be IP addresses/,
    ],
  },
  {
    what: 'a certificate without its key',
    target: 'test/fixtures/hello.mjs:app',
    args: ['--ssl-certfile', 'test/fixtures/tls/server.pem'],
    code: 2,
    says: [/^ERROR: HTTPS needs both a key and a certificate: --ssl-keyfile and --ssl-certfile/],
  },
  {
    what: 'the key of another certificate',
    target: 'test/fixtures/hello.mjs:app',
    args: ['--ssl-certfile', 'test/fixtures/tls/server.pem', '--ssl-keyfile', 'test/fixtures/tls/client.key'],
    code: 2,
    says: [/^ERROR: cannot serve HTTPS: the private key \/.*client\.key does not belong to \/.*server\.pem$/],
  },
  {
    what: "a route prefix without a slash, in Ray's words",
    target: 'test/fixtures/hello.mjs:app',
    args: ['--route-prefix', 'x'],
    code: 2,
    says: [/Invalid route_prefix 'x', must start with a forward slash \('\/'\)\./],
  },
  {
    what: 'an option that does not exist',
    target: 'a:b',
    args: ['--http-prot', '1'],
    code: 2,
    says: [/^error: unknown option '--http-prot'/, /Did you mean --http-port\?/],
  },
  {
    what: 'a cluster that runs, which run does not use',
    target: 'a:b',
    args: ['--address', 'http://127.0.0.1:1'],
    code: 2,
    says: [
      /^ERROR: run starts a cluster of its own .*: batoid deploy --address http:\/\/127\.0\.0\.1:1 deploys to one/,
    ],
  },
  {
    what: 'the foreground and the background at once',
    target: 'a:b',
    args: ['--blocking', '--non-blocking'],
    code: 2,
    says: [/^ERROR: Only one of --blocking and --non-blocking can be given\.$/],
  },
  {
    what: 'what a configuration says itself',
    target: 'test/fixtures/serve.yaml',
    args: ['-d', 'x', '--runtime-env-json', '{}'],
    code: 2,
    says: [/^ERROR: --runtime-env-json and --app-dir cannot be given with a configuration \(.*\): write args, name/],
  },
  {
    what: 'a runtime environment with a key that does not exist',
    target: 'a:b',
    args: ['--runtime-env-json', '{"env_var": {}}'],
    code: 2,
    says: [/^ERROR: --runtime-env-json:1:2: env_var: Extra inputs are not permitted; did you mean 'env_vars'\?$/],
  },
  {
    what: 'a directory for the replicas that is not there',
    target: 'a:b',
    args: ['--working-dir', '/nowhere'],
    code: 3,
    says: [/^ERROR: cannot run 'a:b': there is no directory \/nowhere in which it could run$/],
  },
  { what: 'no target', code: 2, says: [/^error: missing required argument 'target'/] },
  {
    what: 'an address that this machine does not have',
    target: 'test/fixtures/hello.mjs:app',
    args: ['--http-host', '192.0.2.77'],
    code: 2,
    says: [/^ERROR: cannot listen on 192\.0\.2\.77 port 0: this machine has no such address; see --http-host$/],
  },
  {
    what: 'a session directory with too long a name',
    target: 'test/fixtures/hello.mjs:app',
    args: ['--session-dir', `/tmp/${'x'.repeat(90)}`],
    code: 2,
    says: [/^ERROR: session directory \/tmp\/x+ is too long: .*107; take a shorter --session-dir$/],
  },
]

describe('a mistake of the user', () => {
  let launched: Launched | undefined

  afterEach(async () => {
    await launched?.dispose()
    launched = undefined
  })

  for (const { what, target, args = [], env = {}, code, says, never } of mistakes) {
    it(`is answered with one clear error and exit code ${code}: ${what}`, async () => {
      launched = launch(target, { args, env })
      expect(await launched.ended, launched.stderr()).to.deep.equal({ code, signal: null })
      const lines = launched.stderr().split('\n')
      for (const expression of says)
        expect(
          lines.some((line) => expression.test(line)),
          `${expression}\n${launched.stderr()}`,
        ).to.equal(true)
      expect(lines.filter((line) => /^(ERROR|error): /.test(line))).to.have.length(1)
      if (never !== undefined) expect(launched.stderr() + launched.stdout()).to.not.match(never)
      expect(launched.pids()).to.deep.equal([])
    })
  }

  it('is answered once, not with a flood, when the port is in use', async () => {
    const other = createServer()
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    const address = other.address()
    const port = typeof address === 'object' ? address?.port : undefined
    launched = launch('test/fixtures/hello.mjs:app', { args: ['--http-port', String(port)] })
    const ended = await launched.ended
    other.close()
    expect(ended).to.deep.equal({ code: 2, signal: null })
    expect(launched.stderr()).to.equal(
      `ERROR: cannot listen on 127.0.0.1 port ${port}: another process listens there; stop it, or take another port ` +
        'with --http-port (0: any free one)\n',
    )
  })

  it('is answered when the session directory may not be written', async () => {
    const parent = mkdtempSync(join(tmpdir(), 'batoid-test-'))
    const file = join(parent, 'file')
    mkdirSync(file)
    chmodSync(file, 0o500)
    const isRoot = process.getuid?.() === 0
    // Root may write everywhere but below what is no directory.
    const directory = isRoot ? '/proc/self/batoid' : join(file, 'session')
    launched = launch('test/fixtures/hello.mjs:app', { args: ['--session-dir', directory] })
    expect(await launched.ended).to.deep.equal({ code: 2, signal: null })
    expect(launched.stderr()).to.match(/^ERROR: cannot use session directory .*; take another --session-dir\n$/)
  })

  it('is answered when the session directory belongs to a running cluster', async () => {
    launched = launch('test/fixtures/hello.mjs:app')
    const { session } = launched
    const lifeline = createServer()
    await new Promise<void>((resolve) =>
      lifeline.listen(join(mkdtempSync(join(tmpdir(), 'batoid-test-')), 'x'), resolve),
    )
    lifeline.close()
    await new Promise<void>((resolve) => {
      const look = setInterval(() => {
        if (!launched?.stdout().includes('Started Serve')) return
        clearInterval(look)
        resolve()
      }, 20)
    })
    const second = launch('test/fixtures/hello.mjs:app', { args: ['--session-dir', session] })
    expect(await second.ended).to.deep.equal({ code: 2, signal: null })
    expect(second.stderr()).to.match(
      /^ERROR: another process serves .*launcher\.sock: stop that cluster, or choose another --session-dir/,
    )
    await second.dispose()
    launched.child.kill('SIGTERM')
    expect((await launched.ended).code).to.equal(0)
  })

  it('ends with code 0 when it is interrupted while it starts', async () => {
    launched = launch('test/fixtures/endless-loop.ts:app')
    const { child, stdout } = launched
    await new Promise<void>((resolve) => {
      const look = setInterval(() => {
        if (!stdout().includes('Adding 1 replica')) return
        clearInterval(look)
        resolve()
      }, 20)
    })
    child.kill('SIGINT')
    expect(await launched.ended).to.deep.equal({ code: 0, signal: null })
  })
})
