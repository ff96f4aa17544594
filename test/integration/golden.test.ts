import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { type Cluster, startCluster } from '../helpers/cluster.ts'

/** Lines of the reference that batoid has no equal of, each with the reason. */
const NOT_OURS: readonly [RegExp, string][] = [
  [/Started a local Ray instance/, 'batoid has no cluster runtime below it that would have to be started'],
  [
    /Connecting to existing Serve app in namespace/,
    'said of a second serve.start(); batoid starts once, and takes its HTTP options',
  ],
  [
    /SharedRouterLongPollClient object at 0x/,
    'the address of a Python object; endpoint tables are pushed, nobody polls',
  ],
  [/^\(raylet\)/, "an error of Ray's own on shutdown"],
]

/** Deliberate differences in a line that both have, each with the reason. */
function harmonise(line: string): string {
  return (
    line
      // The seed's transcript, which is the one to follow, is of a version that did not print the patterns yet.
      .replace(', route_patterns=None)', ')')
      // Each names its own source file and application.
      .replace(/\tINFO \S+ -- /, '\tINFO <source> -- ')
      .replace(/import path: '.*'\./, "import path: '<path>'.")
      .replace(/ready at http:\S+\.$/, 'ready at <url>.')
  )
}

/** Takes out what differs from run to run. */
function mask(line: string): string {
  return harmonise(line)
    .replaceAll(/\u001b\[\d+m/g, '')
    .replace(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}/, '<time>')
    .replace(/(INFO|WARNING|ERROR) \d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}/, '$1 <time>')
    .replace(/pid=\d+\)/, 'pid=<pid>)')
    .replace(/ (serve|controller) \d+ --/, ' $1 <pid> --')
    .replace(/ proxy \d+\.\d+\.\d+\.\d+ --/, ' proxy <ip> --')
    .replace(/on node [0-9a-f]{56} \(HTTP port: \d+\)/, 'on node <node> (HTTP port: <port>)')
    .replaceAll(/Replica\(id='[a-z0-9]{8}'/g, "Replica(id='<id>'")
}

/** The masked lines of each component, in the order in which it wrote them. */
function byComponent(lines: readonly string[]): Record<string, string[]> {
  const components: Record<string, string[]> = {}
  for (const line of lines.map(mask)) {
    const component = /^\((\w+)/.exec(line)?.[1] ?? (line.startsWith('<time>') ? 'command line' : 'serve')
    components[component] = [...(components[component] ?? []), line]
  }
  return components
}

describe('the log from start to shutdown', () => {
  let cluster: Cluster

  before(async () => {
    cluster = await startCluster('test/fixtures/classifier-deployment.mjs:app')
    await cluster.stop()
  })

  after(() => cluster.dispose())

  it("has the reference's lines, in its order for each component", () => {
    const reference = readFileSync('test/golden/ray-serve-run.txt', 'utf8').trimEnd().split('\n')
    const plain = reference.map((line) => line.replaceAll(/\u001b\[\d+m/g, ''))
    for (const [expression, reason] of NOT_OURS)
      expect(
        plain.some((line) => expression.test(line)),
        reason,
      ).to.equal(true)
    const shared = plain.filter((line) => !NOT_OURS.some(([expression]) => expression.test(line)))
    expect(byComponent(cluster.lines())).to.deep.equal(byComponent(shared))
  })

  it('is printed once: nothing goes to the standard error', () => expect(cluster.stderr()).to.equal(''))
})
