import { Argument, Command, InvalidArgumentError, Option } from 'commander'

export const SECTIONS = ['http', 'slow', 'faults', 'start'] as const
export type SectionName = (typeof SECTIONS)[number]

export interface Options {
  readonly sections: readonly SectionName[]
  readonly rounds: number
  /** Once for each, before the rounds, or longer until it is warm. */
  readonly settleMs: number
  /** In each turn. */
  readonly warmUpMs: number
  readonly measureMs: number
  readonly load: 'autocannon' | 'wrk'
  /** Contestants; undefined: all. */
  readonly only: ReadonlySet<string> | undefined
  /** Ends with 1 when a floor is missed. */
  readonly gate: boolean
  /** The figures go into bench/README.md. */
  readonly write: boolean
}

interface Flags {
  readonly quick: boolean
  readonly rounds?: number
  readonly load: 'autocannon' | 'wrk'
  readonly only?: readonly string[]
  readonly gate: boolean
  readonly write?: boolean
}

/** Exits by itself on `--help` and on what it does not understand. */
export function readOptions(argv: readonly string[]): Options {
  const command = new Command('npm run bench --')
    .description('Measures batoid side by side with others on this machine, and holds it to its goals.')
    .addArgument(
      new Argument(
        '[sections...]',
        'http: throughput, latency, streaming, memory; slow: one slow replica of four; faults: kill -9; start: start-up (default: all)',
      ).choices(SECTIONS),
    )
    .option('--quick', 'one short round: about a minute, for a first look', false)
    .option('--rounds <number>', 'how often each is measured (default: 5)', positive)
    .addOption(
      new Option('--load <generator>', 'what sends the requests; wrk has to be installed')
        .choices(['autocannon', 'wrk'])
        .default('autocannon'),
    )
    .option('--only <names>', 'contestants of the section http, separated by semicolons', (text) => text.split(';'))
    .option('--gate', 'exit code 1 when a floor is missed', false)
    .option('--write', 'put the figures into bench/README.md (default: when everything is measured in full)')
    .option('--no-write', 'only print them')
    .parse(argv, { from: 'user' })
  const flags = command.opts<Flags>()
  const chosen = command.args.length === 0 ? SECTIONS : SECTIONS.filter((name) => command.args.includes(name))
  const isFull = !flags.quick && flags.only === undefined && chosen.length === SECTIONS.length
  return {
    sections: chosen,
    rounds: flags.rounds ?? (flags.quick ? 1 : 5),
    settleMs: flags.quick ? 1000 : 3000,
    warmUpMs: flags.quick ? 300 : 700,
    measureMs: flags.quick ? 400 : 800,
    load: flags.load,
    only: flags.only && new Set(flags.only),
    gate: flags.gate,
    write: flags.write ?? isFull,
  }
}

function positive(text: string): number {
  if (/^[1-9]\d?$/.test(text)) return Number(text)
  throw new InvalidArgumentError('it is a number from 1 to 99.')
}
