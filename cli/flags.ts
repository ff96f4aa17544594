import { resolve } from 'node:path'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { dashboardVariables } from '../shared/dashboard.ts'
import { customResources, httpVariables, numCpus, numGpus, proxyLocation } from '../shared/settings.ts'
import type { Environment, Variable } from '../shared/variables.ts'

interface Flag {
  readonly flags: string
  readonly means: string
  readonly variable: Variable<unknown>
  readonly default?: string
  readonly isPath?: true
}

/** The flags of the command that are settings of the processes: each is an environment variable as well. */
const FLAGS: readonly Flag[] = [
  { flags: '--http-host <host>', means: 'address to listen on', variable: httpVariables.host, default: '127.0.0.1' },
  {
    flags: '--http-port <port>',
    means: 'port to listen on; 0: any free one',
    variable: httpVariables.port,
    default: '8000',
  },
  {
    flags: '--proxy-location <location>',
    means: 'Disabled: no HTTP at all; HeadOnly and EveryNode are the same on one machine',
    variable: proxyLocation,
    default: 'EveryNode',
  },
  {
    flags: '--proxies <number>',
    means: 'proxy processes that share the port',
    variable: httpVariables.proxies,
    default: '1',
  },
  {
    flags: '--request-timeout-s <seconds>',
    means: 'a request that takes longer is answered 408; 0: any time',
    variable: httpVariables.requestTimeoutS,
    default: '0',
  },
  {
    flags: '--keep-alive-timeout-s <seconds>',
    means: 'how long an idle connection is kept',
    variable: httpVariables.keepAliveTimeoutS,
    default: '90',
  },
  {
    flags: '--trusted-proxies <networks>',
    means: 'whose X-Forwarded-* and Forwarded are believed: IP addresses and networks, separated by commas',
    variable: httpVariables.trustedProxies,
  },
  {
    flags: '--ssl-keyfile <file>',
    means: 'PEM file of the private key; with it, HTTPS is served',
    variable: httpVariables.sslKeyfile,
    isPath: true,
  },
  {
    flags: '--ssl-certfile <file>',
    means: 'PEM file of the certificate, and of those between it and its authority',
    variable: httpVariables.sslCertfile,
    isPath: true,
  },
  {
    flags: '--ssl-keyfile-password <password>',
    means: 'of the private key; the variable does not show it in the list of processes',
    variable: httpVariables.sslKeyfilePassword,
  },
  {
    flags: '--ssl-ca-certs <file>',
    means: 'PEM file of authorities; clients must show a certificate of one of them',
    variable: httpVariables.sslCaCerts,
    isPath: true,
  },
  {
    flags: '--dashboard-host <host>',
    means: 'address of the REST API; any that others can reach needs BATOID_AUTH_TOKEN',
    variable: dashboardVariables.host,
    default: '127.0.0.1',
  },
  {
    flags: '--dashboard-port <port>',
    means: 'port of the REST API; 0: any free one',
    variable: dashboardVariables.port,
    default: '8265',
  },
  {
    flags: '--num-cpus <number>',
    means: 'logical CPUs that replicas may take (default: what the machine has)',
    variable: numCpus,
  },
  {
    flags: '--num-gpus <number>',
    means: 'logical GPUs that replicas may take (default: what the machine has)',
    variable: numGpus,
  },
  {
    flags: '--resources <json>',
    means: 'custom resources that replicas may take, for example {"licence": 2}',
    variable: customResources,
  },
]

export function addFlags(command: Command): Command {
  for (const flag of FLAGS) command.addOption(optionOf(flag))
  return command
}

/** Ray's, of what batoid has not. */
export function addGrpcPort(command: Command): Command {
  return command.option('--grpc-port <port>', 'accepted, and without effect: batoid has no gRPC', (text) => {
    const problem = 'It must be an integer from 0 to 65535.'
    if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535) throw new InvalidArgumentError(problem)
    return text
  })
}

/** Refused with the words that a configuration is refused with. */
export function addGrpcFunctions(command: Command): Command {
  return command.option('--grpc-servicer-functions <function>', 'refused: batoid has no gRPC', () => {
    throw new InvalidArgumentError('batoid has no gRPC: leave them out')
  })
}

/** What the flags say, as the processes are told it. */
export function environmentOf(
  flags: Readonly<Record<string, unknown>>,
  workingDir: string,
  /** False for the flags that have their defaults. */
  isSaid: (flag: string) => boolean = () => true,
): Environment {
  return Object.fromEntries(
    FLAGS.flatMap((flag) => {
      const name = optionOf(flag).attributeName()
      const value = flags[name]
      if (typeof value !== 'string' || !isSaid(name)) return []
      // The processes run in another directory.
      return [[flag.variable.name, flag.isPath ? resolve(workingDir, value) : value]]
    }),
  )
}

function optionOf({ flags, means, variable, default: fallback }: Flag): Option {
  return new Option(flags, means)
    .env(variable.name)
    .default(fallback)
    .argParser((text: string) => {
      if (variable.read(text) === undefined) throw new InvalidArgumentError(`It must be ${variable.must}.`)
      return text
    })
}
