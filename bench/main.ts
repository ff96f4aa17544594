/** `npm run bench`: batoid beside others, on this machine, in one run. `npm run bench -- --help` says what there is. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import type { Bench, Section } from './bench.ts'
import { CONTESTANTS, type Site } from './contestants.ts'
import { REPLICA_NAMES } from './contestants/node.ts'
import { verdictOf, GOALS } from './goals.ts'
import { autocannonLoad, wrkLoad } from './load.ts'
import { busyness, machine, versionOf } from './machine.ts'
import { type Options, readOptions, type SectionName } from './options.ts'
import { ask, freePort, Processes, until } from './processes.ts'
import { withFigures } from './readme.ts'
import { faults } from './sections/faults.ts'
import { http } from './sections/http.ts'
import { slow } from './sections/slow.ts'
import { start } from './sections/start.ts'
import { type Findings, goalTable } from './table.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const README = fileURLToPath(new URL('README.md', import.meta.url))
const RUN: Readonly<Record<SectionName, (bench: Bench) => Promise<Section>>> = { http, slow, faults, start }

process.chdir(ROOT)
const options = readOptions(process.argv.slice(2))
const busy = busyness()
if (spawnSync('npm', ['run', '--silent', 'build'], { stdio: 'inherit' }).status !== 0) process.exit(1)

// Below the package, so that the application's `import 'batoid'` finds it.
mkdirSync('.cache', { recursive: true })
const compiled = mkdtempSync(join('.cache', 'bench-'))
const directory = mkdtempSync(join(tmpdir(), 'batoid-bench-'))
const processes = new Processes(directory)
const server = (name: string): string => join(ROOT, compiled, `${name}.js`)
await compile()
const plainLoad = autocannonLoad(server('load'))
const load = options.load === 'wrk' ? wrkLoad() : plainLoad

let leaving: Promise<never> | undefined
function leave(code: number): Promise<never> {
  leaving ??= (async () => {
    for (const each of new Set([load, plainLoad])) each.close()
    await processes.stopAll()
    for (const path of [compiled, directory]) rmSync(path, { recursive: true, force: true, maxRetries: 5 })
    process.exit(code)
  })()
  return leaving
}
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void leave(130))

try {
  const site: Site = {
    directory,
    server,
    processes,
    upstream: await startReplicas(),
    session: join(directory, 'session'),
  }
  const bench: Bench = { options, site, load, plainLoad, say: (text) => console.error(`bench: ${text}`) }
  const sections: Section[] = []
  for (const name of options.sections) sections.push(await RUN[name](bench))
  const findings: Findings = new Map(sections.flatMap((section) => [...section.findings]))
  const text = report(sections, findings)
  console.log(`\n${text}`)
  if (options.write) writeFileSync(README, withFigures(readFileSync(README, 'utf8'), text))
  const missed = [...findings].some(([id, measured]) => verdictOf(GOALS[id], measured) === 'floor missed')
  await leave(options.gate && missed ? 1 : 0)
} catch (error) {
  if (leaving === undefined) console.error(error instanceof Error ? error.stack : error)
  await leave(1)
}

/** As the processes of the package are: one file each, so that nobody pays for a compiler or for small modules. */
async function compile(): Promise<void> {
  const servers = readdirSync('bench/servers').filter((file) => file.endsWith('.ts'))
  await build({
    entryPoints: servers.map((file) => join('bench/servers', file)),
    outdir: compiled,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    external: ['batoid', 'autocannon'],
    banner: { js: "import { createRequire } from 'node:module';const require = createRequire(import.meta.url);" },
    logLevel: 'warning',
  })
}

async function startReplicas(): Promise<Site['upstream']> {
  const ports: number[] = []
  const sockets: string[] = []
  for (const name of REPLICA_NAMES) {
    const [port, socketPath] = [await freePort(), join(directory, `${name}.sock`)]
    const env = { PORT: String(port), SOCKET: socketPath }
    processes.start({ name, args: [process.execPath, server('replica')], env })
    if (!(await until(async () => (await ask({ socketPath }, '/')) !== undefined)))
      throw new Error(`no ${basename(name)}`)
    ports.push(port)
    sockets.push(socketPath)
  }
  return { ports, sockets }
}

function report(sections: readonly Section[], findings: Findings): string {
  const peers = new Map(
    CONTESTANTS.flatMap(({ id, version }) => (version === undefined ? [] : [[id.split(/[ ,]/)[0], version()]])),
  )
  const present = [...peers]
    .filter(([, version]) => version !== undefined)
    .map(([name, version]) => `${name} ${version}`)
  const generator = options.load === 'wrk' ? 'wrk' : `autocannon ${versionOf('npx', 'autocannon', '--version') ?? ''}`
  return [
    `${new Date().toISOString().slice(0, 10)}: ${machine()}; ${[...present, generator].join(', ')}. ${howLong(options)} ${busy}`,
    '### Floors and goals',
    goalTable(findings),
    ...sections.flatMap(({ title, text }) => [`### ${title}`, text]),
  ].join('\n\n')
}

function howLong({ rounds, measureMs }: Options): string {
  return `Medians of ${rounds} rounds of ${measureMs} ms, in brackets the least and the most.`
}
