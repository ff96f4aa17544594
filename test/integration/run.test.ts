import { renameSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { type Cluster, startCluster } from '../helpers/cluster.ts'
import { eventually } from '../helpers/eventually.ts'
import { pidOf } from '../helpers/faults.ts'

interface OpenApi {
  readonly info: unknown
  readonly paths: Record<string, { readonly post: Operation }>
}

interface Operation {
  readonly parameters: unknown
  readonly responses: Record<string, { readonly content: Record<string, { readonly schema: unknown }> }>
}

describe('batoid run', () => {
  let cluster: Cluster | undefined
  const start = async (...given: Parameters<typeof startCluster>): Promise<Cluster> =>
    (cluster = await startCluster(...given))

  afterEach(async () => {
    await cluster?.dispose()
    cluster = undefined
  })

  it('serves the classifier from two replicas, and drains on Ctrl-C with exit code 0', async () => {
    const { url, stop, lines } = await start('examples/classifier/main.ts:app')
    const root = await fetch(url)
    expect([root.status, await root.text(), root.headers.get('content-type')]).to.deep.equal([
      200,
      '"Hello, world!"',
      'application/json',
    ])
    for (const [input, output] of [
      ['2', '1'],
      ['3', '2'],
      ['Hello', '0'],
    ]) {
      const response = await fetch(`${url}/model/predict?input=${input}`, { method: 'POST' })
      expect([response.status, await response.text()], input).to.deep.equal([200, output])
    }
    const missing = await fetch(`${url}/model/predict`, { method: 'POST' })
    expect(missing.status).to.equal(422)
    expect(await missing.text()).to.equal(
      '{"detail":[{"type":"missing","loc":["query","input"],"msg":"Field required","input":null}]}',
    )

    const replicas = () =>
      new Set(lines().flatMap((line) => / default_ClassifierDeployment (\w{8}) /.exec(line)?.[1] ?? []))
    await eventually(async () => {
      await fetch(url)
      return replicas().size === 2
    })
    expect(await stop()).to.deep.equal({ code: 0, signal: null })
  })

  it('describes the classifier in OpenAPI 3.1', async () => {
    const { url } = await start('dist/examples/classifier/main.js:app')
    const spec = (await (await fetch(`${url}/openapi.json`)).json()) as OpenApi
    expect(spec).to.have.property('openapi', '3.1.0')
    expect(spec.info).to.deep.equal({
      title: 'FastAPI-Ray-Demo',
      summary: 'Demo showcasing FastAPI with Ray for ML model serving',
      version: '0.0.1',
    })
    const predict = spec.paths['/model/predict']?.post
    expect(predict?.parameters).to.deep.equal([
      { schema: { type: 'string' }, required: true, name: 'input', in: 'query' },
    ])
    expect(predict?.responses['200']?.content['application/json']?.schema).to.deep.equal({ type: 'integer' })
    const docs = await (await fetch(`${url}/docs`)).text()
    expect(docs)
      .to.include('swagger-ui')
      .and.not.match(/https?:\/\/(?!127)/)
  })

  it('detects programming languages with a real model', async () => {
    const { url } = await start('examples/language-detection/main.ts:app')
    const text =
      'package main\nimport "fmt"\nfunc main() {\n\tfor i := 0; i < 3; i++ { fmt.Println("hello", i) }\n}\n'.repeat(3)
    const response = await fetch(`${url}/detect`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ text }),
    })
    expect(response.status).to.equal(200)
    const { languages } = (await response.json()) as { languages: { id: string; confidence: number }[] }
    expect(languages[0]).to.have.property('id', 'go')
  })

  it('runs the example without HTTP, whose call returns what is answered', async () => {
    const { url, log } = await start('examples/word-count/main.ts:app')
    const response = await fetch(`${url}/some/path?x=1`, { method: 'POST', body: 'One fish, two fish' })
    expect(await response.json()).to.deep.equal({ words: 4, different: 3 })
    const id = response.headers.get('x-request-id') ?? '?'
    const lines = await eventually(() => {
      const own = log(/^replica_/)
        .split('\n')
        .filter((line) => line.includes(id))
      return own.length === 2 && own
    })
    expect(lines.join('\n')).to.match(/ -- 4 words at \/some\/path\n.* -- POST \/ 200 /)
  })

  it('runs plain JavaScript, a class, under a name and a prefix', async () => {
    const { url, stdout } = await start('test/fixtures/plain.mjs:app', {
      args: ['--name', 'shop', '--route-prefix', '/v1'],
    })
    expect(url).to.match(/\/v1$/)
    expect(await (await fetch(`${url}/x`)).text()).to.equal('plain')
    expect(stdout()).to.include("Application 'shop' is ready at ")
    const outside = await fetch(new URL('/x', url))
    expect([outside.status, await outside.text()]).to.deep.equal([
      404,
      "Path '/x' not found. Ping http://.../-/routes for available routes.",
    ])
    expect(await (await fetch(new URL('/-/routes', url))).json()).to.deep.equal({ '/v1': 'shop' })
    expect(await (await fetch(new URL('/-/healthz', url))).text()).to.equal('success')
  })

  it('calls the hooks in order, and disposes on the way out', async () => {
    const { url, stop, lines } = await start('test/fixtures/hooks.mjs:app')
    expect(await (await fetch(url)).json()).to.deep.equal({ threshold: 3 })
    await stop()
    const prints = lines().flatMap((line) => /ServeReplica:default:Hooks pid=\d+\) (\w+)$/.exec(line)?.[1] ?? [])
    expect(prints).to.deep.equal(['reconfigure', 'checkHealth', 'disposed'])
  })

  it('replaces a replica that is killed', async () => {
    const { url, lines } = await start('test/fixtures/hello.mjs:one')
    const first = Number(await (await fetch(`${url}/pid`)).text())
    process.kill(first, 'SIGKILL')
    const second = await eventually(async () => {
      const pid = Number(await (await fetch(`${url}/pid`)).text())
      return pid !== first && pid
    })
    expect(second).to.be.greaterThan(0)
    await eventually(() =>
      lines().some((line) =>
        /WARNING .*Replica\(id='\w{8}', .*\) died: its process ended with signal SIGKILL after \d+\.\d s(, using \d+ MiB of memory)?\./.test(
          line,
        ),
      ),
    )
  })

  it('restarts a proxy that is killed, and refuses nobody meanwhile', async () => {
    const { url, lines } = await start('test/fixtures/hello.mjs:app')
    const proxy = Number(/\(ProxyActor pid=(\d+)\)/.exec(lines().join('\n'))?.[1])
    process.kill(proxy, 'SIGKILL')
    expect(await (await fetch(url)).text()).to.equal('hello')
    await eventually(() => lines().some((line) => line.includes('The proxy died: signal SIGKILL. Starting it again.')))
  })

  it('goes on when a proxy cannot be started again, until it can', async () => {
    const own = await start('test/fixtures/hello.mjs:app')
    const output = join(own.session, 'logs/output')
    const before = await pidOf(own, 'ProxyActor')
    renameSync(output, `${output}.away`)
    process.kill(before, 'SIGKILL')
    await eventually(() => own.stdout().includes('The proxy died: it could not be started: '))
    renameSync(`${output}.away`, output)
    expect(await (await fetch(own.url)).text()).to.be.a('string')
    expect(await pidOf(own, 'ProxyActor')).to.not.equal(before)
  })

  it('restarts a controller that is killed, which takes the same replicas over while requests go on', async () => {
    const { url, lines, stop } = await start('test/fixtures/hello.mjs:app')
    const pids = async () =>
      new Set(await Promise.all(Array.from({ length: 20 }, async () => (await fetch(`${url}/pid`)).text())))
    const before = await pids()
    const controller = Number(/\(ServeController pid=(\d+)\)/.exec(lines().join('\n'))?.[1])
    process.kill(controller, 'SIGKILL')
    expect(await pids()).to.deep.equal(before)
    await eventually(() => lines().filter((line) => line.includes('Recovering Replica(id=')).length === 2)
    expect(await pids()).to.deep.equal(before)
    expect(await stop()).to.deep.equal({ code: 0, signal: null })
    expect(lines().filter((line) => line.includes('is stopped.'))).to.have.length(2)
  })

  it('leaves nothing behind when the launcher itself is killed', async () => {
    const { child, pids } = await start('test/fixtures/hello.mjs:app')
    expect(pids()).to.have.length(5)
    child.kill('SIGKILL')
    await eventually(() => pids().length === 0, { withinMs: 5_000 })
  })

  for (const [name, kinds] of [
    ['a proxy is', ['ProxyActor']],
    ['the controller is', ['ServeController']],
    ['all but a replica are', ['ProxyActor', 'ServeController']],
  ] as const) {
    it(`leaves nothing behind when the launcher is killed while ${name} stopped`, async () => {
      const launched = await start('test/fixtures/hello.mjs:app')
      for (const kind of kinds) process.kill(await pidOf(launched, kind), 'SIGSTOP')
      launched.child.kill('SIGKILL')
      await eventually(() => launched.pids().length === 0, { withinMs: 5_000 })
    })
  }

  it('finishes what is ongoing before it stops', async () => {
    const { url, lines, stop } = await start('test/fixtures/hello.mjs:app')
    const slow = fetch(`${url}/slow/700`)
    await fetch(url)
    const ended = stop()
    const response = await slow
    expect([response.status, await response.text()]).to.deep.equal([200, 'slow'])
    expect(await ended).to.deep.equal({ code: 0, signal: null })
    expect(lines().some((line) => / GET \/slow\/\{ms\} 200 /.test(line))).to.equal(true)
  })

  it('stops at once at a second Ctrl-C', async () => {
    const { url, child, ended } = await start('test/fixtures/hello.mjs:app')
    const slow = fetch(`${url}/slow/60000`).catch((error: unknown) => error)
    await fetch(url)
    child.kill('SIGINT')
    const pressAgain = setInterval(() => child.kill('SIGINT'), 100)
    const { code } = await ended
    clearInterval(pressAgain)
    expect(code).to.equal(130)
    expect(await slow).to.be.instanceOf(Error)
  })
})
